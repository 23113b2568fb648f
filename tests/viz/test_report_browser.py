"""The page of `viz.report` in a browser: nothing wider than the window, no complaint on the console, both grounds."""

import html
import json
import re
import shutil
import subprocess

import matplotlib.image
import numpy as np
import pytest

import eventsim as es
import viz

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--disable-dev-shm-usage", "--enable-logging=stderr")
DARK = "--blink-settings=preferredColorScheme=0"
PHONE, DESK = (390, 844), (1280, 900)

MEASURE = """<script>addEventListener('load', () => {
  const wide = [], small = [];
  for (const one of document.body.querySelectorAll('*')) {
    if (one.tagName === 'SCRIPT' || one.closest('.network svg, .table table')) continue;  // they scroll
    const box = one.getBoundingClientRect();
    if (box.right > innerWidth + 1 || box.left < -1) wide.push(one.tagName + ' ' + one.textContent.slice(0, 40));
    const drawing = one.closest('svg.plot');
    if (drawing && one.tagName === 'text') {
      const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
      const size = parseFloat(getComputedStyle(one).fontSize) * scale;
      const least = innerWidth < 390 ? 6 : 7;
      if (size < least && !drawing.querySelector('image')) small.push(size + ' ' + one.textContent);
    }
  }
  const out = document.createElement('pre');
  out.id = 'measured';
  out.textContent = JSON.stringify({window: innerWidth, page: document.documentElement.scrollWidth, wide, small});
  document.body.append(out);
})</script>"""

HOST = """<!DOCTYPE html><body><iframe style="width: WIDTHpx; height: 900px; border: 0" srcdoc="PAGE"></iframe>
<script>document.querySelector('iframe').addEventListener('load', event => {
  const found = event.target.contentDocument.getElementById('measured');
  document.body.append(document.adoptNode(found));
})</script>"""
"""The page in a frame: a window of the browser itself is at least 500 pixels wide."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium on the PATH")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return a page with long names, images, feedback, a skip, a log and warnings."""
    folder = tmp_path_factory.mktemp("page") / ("run-" + 40 * "x")
    folder.mkdir()
    once = es.LIF(tau_mem=20.0, tau_syn=5.0, t_refractory=es.NEVER)
    long = "hidden" + 60 * "n"
    net = es.Network(seed=1)
    net.input("pixels", (4, 4, 1))
    net.population(long, (2, 2, 2), once)
    net.population("output", 2, once)
    net.connect("pixels", long, es.Conv2d(es.Normal(1.0, 0.4), kernel=3), delay=es.Uniform(0.5, 1.5))
    net.connect(long, "output", es.Dense(es.Normal(1.0, 0.4)), delay=1.0)
    net.connect(long, long, es.AllToAll(-0.1), delay=2.0)
    net.connect("pixels", "output", es.Dense(0.1), delay=1.0)
    net.connect("output", long, es.Dense(-0.1), delay=1.0)
    spikes = es.Spikes(np.linspace(0.0, 4.0, 48), np.arange(48) % 16, np.arange(48) % 4, n_samples=4)
    trace = es.simulate(net, {"pixels": spikes}, t_stop=30.0, labels=[0, 1, 0, 1], output="output", seed=5)
    trace.save(folder / "trace.h5")
    rows = [{"epoch": k, "loss": 1.0 / k, "accuracy": 0.5, "silent": {long: 0.999}, "warnings": {long: 20 * "dead "}}
            for k in (1, 2, 3)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return viz.report(folder)


def browse(tmp_path, page, *arguments):
    """Return what the browser writes to its two outputs."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def picture(tmp_path, page, size, *arguments):
    path = tmp_path / "shot.png"
    _, log = browse(tmp_path, page, f"--window-size={size[0]},{size[1]}", f"--screenshot={path}", *arguments)
    assert "CONSOLE" not in log  # neither an error of the page nor something that its policy had to block
    return matplotlib.image.imread(path)[..., :3]


@pytest.mark.parametrize("width", [320, 390, 700, 1280])
def test_nothing_is_wider_than_the_window_and_no_text_is_tiny(page, tmp_path, width):
    text = page.read_text(encoding="utf-8")
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', text)[0]  # it would stop our script
    inside = text.replace(policy, "").replace("</body>", f"{MEASURE}</body>")
    host = tmp_path / "host.html"
    host.write_text(HOST.replace("WIDTH", str(width)).replace("PAGE", html.escape(inside)), encoding="utf-8")
    dom, log = browse(tmp_path, host, "--window-size=1400,1000", "--dump-dom")
    assert "CONSOLE" not in log
    found = json.loads(html.unescape(re.search(r'<pre id="measured">(.*?)</pre>', dom, re.DOTALL)[1]))
    assert found["window"] == width
    assert found["page"] <= found["window"]
    assert found["wide"] == [] and found["small"] == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_page_is_light_on_light_and_dark_on_dark(page, tmp_path, size):
    light, dark = picture(tmp_path, page, size), picture(tmp_path, page, size, DARK)
    for shot in (light, dark):
        assert shot.shape == (size[1], size[0], 3)
        assert shot.max() - shot.min() > 0.6  # something is written, and can be told from the ground
    assert np.median(light) > 0.9
    assert np.median(dark) < 0.2


def test_a_script_in_the_page_would_not_run(page, tmp_path):
    copy = tmp_path / "copy.html"
    text = page.read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", "<script>document.body.innerHTML = 'broken'</script></body>"))
    dom, _ = browse(tmp_path, copy, "--dump-dom")
    assert "broken</body>" not in dom and "Summary" in dom


def test_the_page_can_be_printed(page, tmp_path):
    paper = tmp_path / "page.pdf"
    browse(tmp_path, page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")
