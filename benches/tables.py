"""Compare each activation, optimizer and layer normalization with JAX: peers.py --tables.

First both train two short epochs in the order of the file, and the costs of the second are
compared, so that both time the same training. Then they are timed in turn, and the best round
of each counts. No entry may be slower than the fastest peer. L-BFGS is not timed: it has no steps.
"""

from rows import NETWORKS, TABLES, select
from workers import Worker

PEERS = ("jax", "ours")
STEPS = 20  # of an epoch whose cost is compared
NEAR = 0.001  # of the decrease; rounding causes 0.0002 at most, a beta of 0.8, not 0.9, 0.01


def time_tables(arguments):
    """Return the results of all entries with all dtypes and numbers of threads."""
    chosen = select(arguments.tables)
    settings = [(d, t) for d in arguments.dtypes for t in arguments.threads]
    return [result for setting in settings for result in time_setting(arguments, chosen, *setting)]


def time_setting(arguments, chosen, dtype, threads):
    workers = {peer: Worker("tables", peer, dtype, threads, arguments.order) for peer in PEERS}
    arguments.versions |= {peer: worker.ask("version") for peer, worker in workers.items()}
    print(f"\n{dtype}, {threads} thread{'s' * (threads > 1)}; microseconds a step")
    times = f"{'ours':>10}{'fastest':>10} {'peer':6}{'ratio':>6}{'costs apart':>13}"
    print(f"{'network@batch row':52}{times}")
    results = []
    for table, text in chosen:
        for net in NETWORKS:
            if text == "softmax" and "-1@" in net:
                continue  # softmax needs two outputs
            labels = {"table": table, "row": text, "case": net, "dtype": dtype, "threads": threads}
            results.append(labels | time_row(workers, f"{net}:{table}:{text}", arguments.repeat))
            print_row(results[-1])
    for worker in workers.values():
        worker.close()
    return results


def time_row(workers, name, repeat):
    """Return the difference of the costs, and the least microseconds per step of each."""
    costs = {peer: worker.ask("costs", name, STEPS) for peer, worker in workers.items()}
    if repeat:
        for worker in workers.values():
            worker.ask("prepare", name)
    times = {}
    for _ in range(repeat):
        for peer, worker in workers.items():
            time = worker.ask("measure")
            if time is not None:
                times[peer] = min(time, times.get(peer, time))
    peers = {peer: time for peer, time in times.items() if peer != "ours"}
    fastest = min(peers, key=peers.get, default=None)
    ratio = times[fastest] / times["ours"] if fastest and "ours" in times else None
    return {"apart": apart(costs), "microseconds": times, "fastest": fastest, "ratio": ratio}


def apart(costs):
    """Return the largest difference from our cost after two epochs, as a share of its decrease."""
    if None in costs.values():
        return None
    first, second = costs["ours"]
    return max(abs(other - second) for _, other in costs.values()) / abs(first - second)


def same(result):
    """Return True if both have trained the same."""
    return result["apart"] is not None and result["apart"] < NEAR  # False of NaN


def print_row(result):
    def shown(value, width, form):
        return f"{'-' if value is None else format(value, form):>{width}}"

    times, ratio, peer = result["microseconds"], result["ratio"], result["fastest"]
    name = f"{result['case']} {result['row']}" + " layer_norm" * (result["table"] == "layer_norm")
    missed = " missed" * (ratio is not None and ratio < 1) + " NOT THE SAME" * (not same(result))
    print(
        f"{name:52}{shown(times.get('ours'), 10, ',.2f')}{shown(times.get(peer), 10, ',.2f')}"
        f" {peer or '-':6}{shown(ratio, 6, '.2f')}{shown(result['apart'], 13, '.1e')}{missed}",
        flush=True,
    )


def print_markdown(record):
    """Print our microseconds, those of the fastest peer, and the ratio, for both networks."""
    settings = dict.fromkeys((r["dtype"], r["threads"]) for r in record["results"])
    for dtype, threads in settings:
        by_entry = {
            (r["table"], r["row"], r["case"]): r
            for r in record["results"]
            if (r["dtype"], r["threads"]) == (dtype, threads)
        }
        print(f"\n{dtype}, {threads} thread{'s' * (threads > 1)}\n")
        head = [f"{net.replace('@', ', ')}: ours | fastest peer | ratio" for net in NETWORKS]
        print(f"| table | row | {' | '.join(head)} |\n|---|---{'|---|---|---' * len(NETWORKS)}|")
        for table, texts in TABLES.items():
            for text in texts:
                cells = [cell(by_entry.get((table, text, net))) for net in NETWORKS]
                if any(cell.strip(" |-") for cell in cells):
                    print(f"| {table} | {text.replace(',', ', ')} | {' | '.join(cells)} |")


def cell(result):
    if result is None or result["ratio"] is None:
        return "- | - | -"
    times = result["microseconds"]
    peer = times[result["fastest"]]
    return f"{times['ours']:,.1f} | {peer:,.1f} ({result['fastest']}) | {result['ratio']:.2f}"
