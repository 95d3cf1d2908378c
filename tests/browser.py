"""A headless Chromium for the tests of the playground, and a page in it."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
PATIENCE = 60.0  # seconds


def start(downloads):
    """Return the driver of a new browser that saves files to a folder."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    allowed = {"behavior": "allow", "downloadPath": str(downloads)}
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
    driver.set_window_size(1440, 1000)
    driver.set_script_timeout(PATIENCE)
    return driver


class Page:
    """The playground in a browser: what a person can read and do."""

    def __init__(self, driver, file, downloads):
        self.driver, self.file, self.downloads = driver, Path(file), Path(downloads)

    def open(self, link=""):
        """Open the page afresh, with the settings of a link."""
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)  # each entry is given once
        self.driver.get(f"{self.file.as_uri()}{link}")
        self.until(lambda: self.run("return document.documentElement.dataset.ready"))
        self.settled()
        return self

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, done):
        """Wait until a condition holds, and return its value."""
        end = time.monotonic() + PATIENCE
        while not (value := done()):
            assert time.monotonic() < end, f"waited in vain: {self.text('message')}"
            time.sleep(0.05)
        return value

    def element(self, name):
        return self.driver.find_element("id", name)

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def number(self, name):
        """Return the number that an element shows; NaN for none."""
        text = self.text(name).replace("\N{MINUS SIGN}", "-")
        return float("nan") if text == "\N{EN DASH}" else float(text)

    def click(self, name):
        self.driver.execute_script("document.getElementById(arguments[0]).scrollIntoView()", name)
        self.run("arguments[0].click()", self.element(name))

    def choose(self, name, value):
        """Set a field as a person does, and tell the page."""
        self.run(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind));",
            name,
            str(value),
        )

    def wait_for_step(self, step):
        self.until(lambda: self.number("fact-step") == step)

    def train(self, steps):
        """Make some steps, one by one."""
        for _ in range(steps):
            before = self.number("fact-step")
            self.click("step")
            self.wait_for_step(before + 1)

    def settled(self):
        """Wait until all that was asked of the page is done."""
        self.until(lambda: self.run("return document.documentElement.dataset.busy") == "0")

    def keep(self, name, file):
        """Keep something as a file, and return its path."""
        path = self.downloads / file
        path.unlink(missing_ok=True)
        self.click(name)
        self.until(path.exists)
        return path

    def give(self, path):
        """Open a file by the dialog."""
        self.element("file").send_keys(os.fspath(path))

    def drop(self, name, content):
        """Drop a file onto the page."""
        self.run(
            "const data = new DataTransfer();"
            "data.items.add(new File([arguments[1]], arguments[0]));"
            "const event = { dataTransfer: data, cancelable: true };"
            "document.dispatchEvent(new DragEvent('drop', event));",
            name,
            content,
        )

    def errors(self):
        """Return the errors of the console."""
        log = self.driver.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]

    def requests(self):
        """Return the addresses that the browser has asked for, except the page itself."""
        addresses = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                addresses.add(message["params"]["request"]["url"].partition("#")[0])
        own = ("about:", "blob:", "data:", "chrome")
        return {one for one in addresses if not one.startswith(own)} - {self.file.as_uri()}
