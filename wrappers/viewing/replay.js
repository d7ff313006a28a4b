// --- Time ---------------------------------------------------------------------------------------

const last = scene.frames.length - 1;
let playing = false;

// Marks on the scrubber's groove; its knob is 16 pixels wide.
for (const [frame, text, fill] of scene.events ?? []) {
  const mark = $("#events").appendChild(document.createElement("i"));
  mark.title = text;
  mark.style.left = `calc(8px + (100% - 16px) * ${frame / Math.max(1, last)})`;
  mark.dataset.fill = fill;
  mark.onclick = () => seek(frame);
}

// The address names the frame, so that it can be copied. A page in a page has none.
function writeAddress() {
  try { history.replaceState(null, "", `#${Math.floor(time)}`); } catch { /* no address */ }
}

function show() {
  draw();
  $("#scrubber").value = Math.floor(time);
  for (const mark of $("#events").children) mark.style.background = colour(mark.dataset.fill);
}

function seek(frame) {
  pause();
  time = Math.min(last, Math.max(0, frame));
  show();
  writeAddress();
}

function pause() {
  playing = false;
  $("#play path").setAttribute("d", "M4 2l12 7-12 7z");
  $("#play").setAttribute("aria-label", "Play");
}

function play() {
  if (playing) return;
  if (time >= last) time = 0;
  playing = true;
  $("#play path").setAttribute("d", "M4 3h3.5v12H4zM10.5 3H14v12h-3.5z");
  $("#play").setAttribute("aria-label", "Pause");
  let before = null;
  requestAnimationFrame(function tick(now) {
    if (!playing) return;
    const seconds = before === null ? 0 : Math.min(0.1, (now - before) / 1000);
    before = now;
    time = Math.min(last, time + seconds * scene.rate * Number($("#speed").value));
    if (time >= last) pause();
    show();
    if (playing) requestAnimationFrame(tick);
  });
}

function playOrPause() {
  playing ? seek(Math.round(time)) : play();
}

const keys = {
  " ": playOrPause,
  ArrowLeft: (event) => seek(Math.ceil(time) - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => seek(Math.floor(time) + (event.shiftKey ? 10 : 1)),
  Home: () => seek(0),
  End: () => seek(last),
};

function openAddress() {
  const frame = parseInt(location.hash.slice(1), 10);
  if (Number.isFinite(frame)) seek(frame);
  return Number.isFinite(frame);
}

$("#scrubber").max = last;
$("#scrubber").oninput = (event) => seek(Number(event.target.value));
$("#play").onclick = $("#board").onclick = playOrPause;
$("#back").onclick = () => keys.ArrowLeft({});
$("#next").onclick = () => keys.ArrowRight({});
addEventListener("keydown", (event) => {
  const own = event.target.closest("select, button") && event.key === " ";
  if (!keys[event.key] || own || event.target.closest("select") || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  keys[event.key](event);
});
addEventListener("hashchange", openAddress);
pause();
layOut();
if (!openAddress() && !matchMedia("(prefers-reduced-motion: reduce)").matches) play();
