// A lab's page: it appears when it is complete, finds its kernel again after a lost connection,
// and says so when the kernel has ended.
const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
const kernelUrl = `${config.baseUrl}api/kernels/${config.kernelId}`;
const RETRY_MS = 2000; // JupyterLab's own attempts to connect back off to a minute
const ATTEMPT_MS = 10000;

// Voila calls this when the cells are there, and again when its theme is.
window.voila_finish = () => {
  window.cellLoaded = true;
  if (!window.themeLoaded) return;
  document.getElementById("loading")?.remove();
  document.getElementById("rendered_cells").style.display = "";
};

// Voila calls this every 10 seconds while it waits for the kernel.
window.voila_heartbeat = async () => {
  if ((await kernelStatus()) === 404) sayEnded();
};

// Voila asks for the kernel's end on `beforeunload`, which also comes when the page stays (a
// download, a cancelled close). Ours comes when it goes; if it is lost, the server's sweep follows.
window.addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);
window.addEventListener("pagehide", (event) => {
  if (event.persisted) return;
  const form = new FormData();
  form.append("_xsrf", document.cookie.match(/\b_xsrf=([^;]*)/)?.[1] ?? "");
  navigator.sendBeacon(`${config.baseUrl}voila/api/shutdown/${config.kernelId}`, form);
});

async function kernelStatus() {
  const reply = await fetch(kernelUrl).catch(() => null);
  return reply?.status;
}

function say(text) {
  const notice = document.getElementById("edgewise-notice");
  notice.hidden = !text;
  notice.textContent = text;
  return notice;
}

function sayEnded() {
  const notice = say("This lab has ended on the server. Reload the page to start it again.");
  const button = document.createElement("button");
  button.textContent = "Reload";
  button.onclick = () => location.reload();
  notice.append(button);
}

function keepConnected(kernel) {
  let timer = null;
  function end() {
    kernel.dispose();
    sayEnded();
  }
  async function retry() {
    if (kernel.isDisposed || kernel.connectionStatus === "connected") return;
    say("The connection to the lab is lost; trying again …");
    const status = await kernelStatus();
    if (status === 404) return end();
    if (status === 200) kernel.reconnect().catch(() => {});
    timer = setTimeout(retry, status === 200 ? ATTEMPT_MS : RETRY_MS);
  }
  kernel.connectionStatusChanged.connect((_, status) => {
    clearTimeout(timer);
    if (status === "connected") say("");
    else timer = setTimeout(retry, RETRY_MS);
  });
  kernel.statusChanged.connect((_, status) => {
    if (status === "dead") end();
  });
}

// A link is of a run: where curves stand above the lab of single runs, the lab is what is wanted.
async function scrollToRun() {
  for (let i = 0; i < 300; i++) {
    const lab = document.querySelector(".ew-bar")?.closest(".ew-lab");
    if (lab?.querySelector(".ew-plot")) return lab.scrollIntoView();
    await sleep(100);
  }
}

// Where curves stand above a lab of single runs, a link jumps over their controls.
async function offerSkip() {
  for (let i = 0; i < 300; i++) {
    const labs = [...document.querySelectorAll(".ew-lab")];
    const run = labs.find((lab) => lab.querySelector(".ew-bar"));
    if (run && run === labs[0]) return;
    if (run) return document.getElementById("rendered_cells").prepend(skipTo(run));
    await sleep(100);
  }
}

function skipTo(lab) {
  const link = document.createElement("a");
  Object.assign(lab, { id: "run", tabIndex: -1 });
  Object.assign(link, { href: "#run", className: "edgewise-skip", textContent: "Skip to the run" });
  link.onclick = (event) => {
    event.preventDefault();
    lab.scrollIntoView();
    lab.querySelector(".ew-bar button").focus({ preventScroll: true });
  };
  return link;
}

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

window.addEventListener("load", async () => {
  if (new URLSearchParams(location.search).has("edgewise")) scrollToRun();
  offerSkip();
  while (!window.jupyterapp) await sleep(100);
  const { kernel } = await window.jupyterapp.widgetManagerPromise.promise;
  keepConnected(kernel);
});
