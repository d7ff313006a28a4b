// Time: playing, seeking, the bar at the bottom and the keys. A time is a frame and a part of it.

const $ = (selector) => document.querySelector(selector);
const PLAY = "M4 2l12 7-12 7z", PAUSE = "M4 3h3.5v12H4zM10.5 3H14v12h-3.5z";

export class Player {
  constructor(frames, rate, onChange, onSeek) {
    this.last = frames - 1;
    this.rate = rate;
    this.onChange = onChange;
    this.onSeek = onSeek;
    this.time = 0;
    this.playing = false;
    $("#scrubber").max = this.last;
    $("#scrubber").oninput = (event) => this.seek(Number(event.target.value));
    $("#play").onclick = () => this.toggle();
    $("#back").onclick = () => this.step(-1);
    $("#next").onclick = () => this.step(1);
    addEventListener("keydown", (event) => this.#press(event));
    this.pause();
  }

  seek(frame) {
    this.pause();
    this.time = Math.min(this.last, Math.max(0, frame));
    this.onChange();
    this.onSeek();
  }

  // Marks on the scrubber's groove, whose knob is 16 pixels wide.
  mark(frame, text) {
    const mark = $("#events").appendChild(document.createElement("i"));
    mark.title = text;
    mark.style.left = `calc(8px + (100% - 16px) * ${frame / Math.max(1, this.last)})`;
    mark.onclick = () => this.seek(frame);
    return mark;
  }

  step(frames) {
    this.seek((frames < 0 ? Math.ceil(this.time) : Math.floor(this.time)) + frames);
  }

  toggle() {
    this.playing ? this.seek(Math.round(this.time)) : this.play();
  }

  pause() {
    this.playing = false;
    $("#play path").setAttribute("d", PLAY);
    $("#play").setAttribute("aria-label", "Play");
  }

  play() {
    if (this.time >= this.last) this.time = 0;
    this.playing = true;
    $("#play path").setAttribute("d", PAUSE);
    $("#play").setAttribute("aria-label", "Pause");
    let before = null;
    const tick = (now) => {
      if (!this.playing) return;
      const seconds = before === null ? 0 : Math.min(0.1, (now - before) / 1000);
      before = now;
      const speed = this.rate * Number($("#speed").value);
      this.time = Math.min(this.last, this.time + seconds * speed);
      if (this.time >= this.last) this.pause();
      this.onChange();
      if (this.playing) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  #press(event) {
    const far = event.shiftKey ? 10 : 1;
    const keys = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.step(-far),
      ArrowRight: () => this.step(far),
      Home: () => this.seek(0),
      End: () => this.seek(this.last),
    };
    const own = event.target.closest?.("select") || (event.key === " " && event.target.closest?.("button"));
    if (!keys[event.key] || own || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  }
}
