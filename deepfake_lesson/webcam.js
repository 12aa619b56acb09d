// The browser's half of webcam.py, where the messages are listed.

const LATE = 3000; // milliseconds after which a missing answer is mentioned
const PERIOD = 1000; // milliseconds over which the table is averaged
const QUALITY = 0.85; // of the JPEG files that Python gets
const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

const PAGE = `
  <div class="controls" role="group" aria-label="Camera">
    <button type="button"></button>
    <label>Source <select name="source"><option value="camera">camera</option></select></label>
    <label>Size <select name="size"></select></label>
    <label><input type="checkbox" name="mirror"> Mirror</label>
  </div>
  <p class="note"></p>
  <p class="state" role="status"></p>
  <div class="pictures">
    <figure><canvas role="img" aria-label="The original"></canvas>
      <figcaption>original</figcaption></figure>
    <figure><canvas role="img" aria-label="The landmarks of the face"></canvas>
      <figcaption>landmarks</figcaption></figure>
    <figure><canvas role="img" aria-label="The result, AI-generated"></canvas>
      <figcaption>result · AI-generated</figcaption></figure>
  </div>
  <table hidden><caption></caption><tbody></tbody></table>`;

const CONSENT = "Only people who have said yes may stand before the camera.";
const HERE =
  "Pictures stay on this machine: they go to the notebook's Python and back. This widget keeps none.";
const HERE_PERHAPS =
  "Pictures go to the notebook's Python and back: they stay on this machine if it runs here. " +
  "This widget keeps none.";
const ELSEWHERE =
  "Pictures leave this machine: they go to the computer on which the notebook's Python runs, " +
  "and back. This widget keeps none.";
const COLAB =
  "Pictures leave this machine: they go to the notebook's runtime in Google's cloud, and back. " +
  "This widget keeps none. Colab forbids deepfakes of real people: play the recorded clip.";

const INSECURE =
  `Browsers give no camera to a page without https, and this one came from ${location.hostname} ` +
  "without. Open it with https, or on that machine itself, as localhost.";
const NO_CAMERA_HERE =
  "This program gives no camera to notebooks; VS Code is one of those. " +
  "Open the notebook in JupyterLab, in a browser.";
const AGAIN = "then press Start camera again.";
const PROBLEMS = {
  NotAllowedError: `The camera was refused. Allow it for this page, beside its address, ${AGAIN}`,
  NotFoundError: `No camera was found. Plug one in, ${AGAIN}`,
  NotReadableError: `The camera cannot be opened. If another program uses it, end that, ${AGAIN}`,
};
const GONE = `The camera is gone: unplugged, or taken away. Bring it back, ${AGAIN}`;
const CLIP = "This browser cannot play the clip. Choose the camera as source.";
const BUSY =
  "Python does not answer yet: it may be running another cell. " +
  "If the kernel was restarted, run this cell again.";

class Camera {
  constructor(model, el) {
    this.model = model;
    this.view = crypto.getRandomValues(new Uint32Array(1))[0]; // a widget can be shown twice
    this.sight = document.createElement("canvas"); // the picture that was sent
    this.run = null; // what plays since the button was pressed
    this.sent = null; // the picture that Python has not answered
    this.number = 0;
    this.build(el);
    model.on("msg:custom", (message, files) => {
      if (message.view === this.view) this.receive(message, files);
    });
    if (model.get("has_clip")) this.ask("still");
  }

  build(el) {
    this.root = document.createElement("div");
    this.root.className = "lesson-webcam";
    this.root.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes the keys of the button
    this.root.innerHTML = PAGE;
    el.append(this.root);
    this.button = this.find("button");
    this.source = this.find("[name=source]");
    this.size = this.find("[name=size]");
    this.mirror = this.find("[name=mirror]");
    this.canvases = [...this.root.querySelectorAll("canvas")];
    for (const side of this.model.get("sizes")) this.size.add(new Option(`${side} pixels`, side));
    this.size.value = this.model.get("size");
    this.mirror.checked = this.model.get("mirror");
    this.find(".note").textContent = `${destination(this.model.get("place"))} ${CONSENT}`;
    this.button.onclick = () => (this.run ? this.stop("Stopped.") : this.start());
    this.source.onchange = () => this.refresh();
    this.chooseSource();
  }

  /** The camera, or the clip where it is known from the start that there can be no camera. */
  chooseSource() {
    const barrier = cameraBarrier();
    if (this.model.get("has_clip")) {
      this.source.add(new Option("recorded clip", "clip"));
      if (barrier || this.model.get("place") === "colab") this.source.value = "clip";
    }
    this.say(barrier, true);
    this.refresh();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  ask(asked, content = {}, files = []) {
    this.model.send({ asked, view: this.view, ...content }, undefined, files);
  }

  say(text, isProblem = false) {
    const state = this.find(".state");
    state.classList.toggle("problem", isProblem && text !== "");
    if (state.textContent !== text) state.textContent = text; // or it is read aloud again
  }

  refresh() {
    this.button.textContent = `${this.run ? "Stop" : "Start"} ${this.source.value}`;
    this.source.disabled = this.size.disabled = this.run !== null;
    this.mirror.disabled = this.source.value !== "camera";
  }

  async start() {
    const isCamera = this.source.value === "camera";
    const run = (this.run = { video: newVideo(), release() {}, words: "" });
    this.refresh();
    this.say(isCamera ? "Waiting for the camera; the browser may ask you." : "Fetching the clip.");
    try {
      await (isCamera ? this.openCamera(run) : this.openClip(run));
    } catch (error) {
      run.release();
      if (this.run === run) this.fail(isCamera ? cameraProblem(error) : CLIP);
      return;
    }
    if (this.run !== run) return run.release(); // stopped while the browser was asking
    run.words = isCamera ? "The camera is on." : "The clip is playing.";
    this.say(run.words);
    this.tally = newTally();
    this.tick(run);
  }

  stop(words = "") {
    this.run?.release();
    this.run = this.sent = null;
    this.say(words);
    this.refresh();
  }

  fail(problem) {
    const isOffered = this.source.value === "camera" && this.model.get("has_clip");
    this.stop();
    this.say(isOffered ? `${problem} Or choose the recorded clip as source.` : problem, true);
  }

  async openCamera(run) {
    const wish = { width: { ideal: Number(this.size.value) }, facingMode: "user" };
    const stream = await navigator.mediaDevices.getUserMedia({ video: wish });
    run.release = () => stream.getTracks().forEach((track) => track.stop());
    stream.getVideoTracks()[0].onended = () => this.run === run && this.fail(GONE);
    run.video.srcObject = stream;
    await run.video.play();
  }

  async openClip(run) {
    const arrival = new Promise((resolve) => (run.clipArrives = resolve));
    this.ask("clip");
    const address = URL.createObjectURL(new Blob([await arrival], { type: "video/mp4" }));
    run.release = () => {
      run.video.pause();
      URL.revokeObjectURL(address);
    };
    run.video.src = address;
    await run.video.play();
  }

  /** Send what is seen now, unless Python still works on the last picture. */
  tick(run) {
    if (this.run !== run) return;
    if (!this.root.isConnected) return this.stop(); // the output was cleared or closed
    if (!this.sent) this.send(run.video);
    else if (performance.now() - this.sent.time > LATE) this.say(BUSY, true);
    requestAnimationFrame(() => this.tick(run));
  }

  send(video) {
    const longer = Math.max(video.videoWidth, video.videoHeight);
    const scale = Math.min(1, this.size.value / longer);
    this.sight.width = Math.round(scale * video.videoWidth);
    this.sight.height = Math.round(scale * video.videoHeight);
    const pen = this.sight.getContext("2d");
    if (this.mirror.checked && !this.mirror.disabled) {
      pen.setTransform(-1, 0, 0, 1, this.sight.width, 0);
    }
    pen.drawImage(video, 0, 0, this.sight.width, this.sight.height);
    const sent = (this.sent = { number: ++this.number, time: performance.now() });
    const post = async (file) => {
      const bytes = await file.arrayBuffer();
      if (this.sent === sent) this.ask("picture", { number: sent.number }, [bytes]);
    };
    this.sight.toBlob(post, "image/jpeg", QUALITY);
  }

  async receive(message, files) {
    if (message.asked === "picture") {
      if (this.sent?.number === message.number) await this.showAnswer(message, files);
    } else if (message.kind === "mistake") {
      if (this.run) this.fail(message.text);
    } else if (message.asked === "clip") {
      this.run?.clipArrives?.(files[0]);
    } else if (!this.run) {
      this.draw(await Promise.all(files.map(toBitmap)));
      this.showTable("Milliseconds for this picture", message.stages);
    }
  }

  async showAnswer(message, files) {
    const { sent, run } = this;
    const results = await Promise.all(files.map(toBitmap));
    if (this.sent !== sent) return; // stopped meanwhile
    this.draw([this.sight, ...results]);
    const isMistake = message.kind === "mistake";
    this.say(isMistake ? `No result for this picture: ${message.text}` : run.words, isMistake);
    if (!isMistake) this.count(message.stages, performance.now() - sent.time);
    this.sent = null;
  }

  /** Pictures onto the canvases; those without one are emptied. */
  draw(pictures) {
    const [{ width, height }] = pictures;
    this.root.style.setProperty("--shape", `${width} / ${height}`);
    this.canvases.forEach((canvas, index) => {
      const { width, height } = pictures[index] ?? canvas;
      canvas.width = width; // this empties it
      canvas.height = height;
      if (pictures[index]) canvas.getContext("2d").drawImage(pictures[index], 0, 0);
    });
  }

  /** Add an answer to the table, which changes once in a period so that it can be read. */
  count(stages, delay) {
    const known = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
    const { tally } = this;
    tally.results += 1;
    tally.delay += delay;
    for (const [name, ms] of Object.entries({ ...stages, messages: delay - known })) {
      tally.stages[name] = (tally.stages[name] ?? 0) + ms;
    }
    const time = performance.now() - tally.start;
    if (time < PERIOD) return;
    const mean = (sum) => sum / tally.results;
    const rate = ((1000 * tally.results) / time).toFixed(1);
    const delays = `each ${mean(tally.delay).toFixed(0)} ms after its picture`;
    const means = Object.entries(tally.stages).map(([name, sum]) => [name, mean(sum)]);
    this.showTable(`${rate} results a second, ${delays}`, Object.fromEntries(means));
    this.tally = newTally();
  }

  showTable(title, stages) {
    const total = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
    const rows = Object.entries(stages).map(([name, ms]) => newRow(name, ms, ms / total));
    rows.push(newRow("together", total, 0));
    this.find("caption").textContent = title;
    this.find("tbody").replaceChildren(...rows);
    this.find("table").hidden = false;
  }
}

function newTally() {
  return { start: performance.now(), results: 0, delay: 0, stages: {} };
}

function newVideo() {
  const video = document.createElement("video");
  video.muted = video.playsInline = video.loop = true;
  return video;
}

function newRow(name, milliseconds, share) {
  const row = document.createElement("tr");
  row.innerHTML = `<th scope="row"></th><td class="number"></td><td class="bar"><div></div></td>`;
  row.cells[0].textContent = name;
  row.cells[1].textContent = `${milliseconds.toFixed(1)} ms`;
  row.querySelector("div").style.width = `${100 * Math.max(0, share)}%`;
  return row;
}

function toBitmap(file) {
  return createImageBitmap(new Blob([file], { type: "image/jpeg" }));
}

/** What keeps a page from any camera, in words; empty if nothing does. */
function cameraBarrier() {
  const isAllowed = document.featurePolicy?.allowsFeature("camera") ?? true;
  if (!window.isSecureContext) return INSECURE;
  return isAllowed && location.protocol !== "vscode-webview:" ? "" : NO_CAMERA_HERE;
}

function cameraProblem(error) {
  return cameraBarrier() || (PROBLEMS[error.name] ?? `There is no camera: ${error.message}.`);
}

/** Where the pictures go, as far as Python and the page's address tell. */
function destination(place) {
  if (place === "colab") return COLAB;
  const isPage = /^https?:$/.test(location.protocol); // a window of VS Code is none
  if (place === "elsewhere" || (isPage && !LOCAL.includes(location.hostname))) return ELSEWHERE;
  return isPage ? HERE : HERE_PERHAPS;
}

export default {
  render({ model, el }) {
    const camera = new Camera(model, el);
    return () => camera.stop();
  },
};
