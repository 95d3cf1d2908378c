"""The page as a widget of a notebook, which tells Python its network."""

from __future__ import annotations

from typing import Any

ESM = """\
export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "backprop_rs playground";
    frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 0`;
    const take = (event) => {
      if (event.source !== frame.contentWindow || !event.data?.playground) return;
      model.set("file", new DataView(event.data.playground.buffer));
      model.save_changes();
    };
    window.addEventListener("message", take);
    frame.srcdoc = model.get("html");
    el.append(frame);
    return () => window.removeEventListener("message", take);
  },
};
"""
"""The page is a frame of its own, which sends the file of its network whenever it stops."""


def widget_of(html: str, height: int) -> Any:
    """Return a widget with the page; its trait `file` is that of the network, or empty."""
    import anywidget
    import traitlets

    class PlaygroundWidget(anywidget.AnyWidget):
        """The page in a frame."""

        _esm = ESM
        html = traitlets.Unicode().tag(sync=True)
        file = traitlets.Bytes().tag(sync=True)
        height = traitlets.Int().tag(sync=True)

    return PlaygroundWidget(html=html, height=height)
