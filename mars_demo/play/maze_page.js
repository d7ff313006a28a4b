// A person's game: keys, buttons and the moments that the board draws.

const { person } = game;
const KEYS = {
  ArrowUp: 0, w: 0, ArrowDown: 1, s: 1, ArrowRight: 2, d: 2, ArrowLeft: 3, a: 3, " ": 4, ".": 5,
};
const GLIDE = 120, REPEAT_AFTER = 350, REPEAT = 130;  // ms
const ACROSS = 8, CROWDING = 0.24;  // cells: of what is seen from near, and from a cell's middle
const still = matchMedia("(prefers-reduced-motion: reduce)");
let seed = 0, moved = 0, near = false;
let whole = [], seen = [], camera = [], eaten = [];  // the moments, as everybody and as the person sees them

const mark = (name) => Object.keys(scene.marks).filter((key) => key.startsWith(name));

function begin(number) {
  seed = number;
  try { history.replaceState(null, "", `#${seed}`); } catch { /* a page in another has no address */ }
  game.start(seed);
  Object.assign(scene, game.maze.picture);
  for (const label in scene.readouts) scene.readouts[label] = [];
  eaten = [];
  whole = [];
  seen = [];
  camera = [];
  $("#end").close();
  keep([]);
  look();
  layOut();
}

// Appends the moment that the board draws next; `now` are the dots that were eaten in it.
function keep(now) {
  const place = ([row, col]) => [col, row], frame = {};
  eaten.unshift(now);
  game.positions.forEach((at, i) => {
    const here = game.positions.map((other, k) => (`${other}` === `${at}` ? k : -1)).filter((k) => k >= 0);
    const angle = 2 * Math.PI * here.indexOf(i) / here.length, far = here.length > 1 ? CROWDING : 0;
    frame[`view-${i}`] = [place(at)];
    frame[`agent-${i}`] = [[at[1] + far * Math.sin(angle), at[0] - far * Math.cos(angle)]];
  });
  frame.dot = game.dots.map(place);
  mark("flash-").forEach((name, age) => { frame[name] = (eaten[age] ?? []).map(place); });
  whole.push(frame);
  const others = mark("view-").filter((name) => name !== `view-${person}`);
  seen.push({ ...frame, ...Object.fromEntries(others.map((name) => [name, []])) });
  camera.push([...place(game.positions[person]), ACROSS]);
  const { step, score, reward } = game;
  const texts = [`${step} / ${game.steps}`, `${score}`, reward.toFixed(1)];
  Object.values(scene.readouts).forEach((values, i) => values.push(texts[i]));
  time = Math.max(0, step - 1);
}

function act(action) {
  if (game.done) return;
  game.act(action);
  keep(game.eaten);
  const begun = performance.now(), goal = game.step;
  requestAnimationFrame(function glide(now) {
    if (game.step !== goal) return;
    time = goal - 1 + (still.matches ? 1 : Math.min(1, Math.max(0, now - begun) / GLIDE));
    draw();
    if (time < goal) requestAnimationFrame(glide);
    else if (game.done) showEnd();
  });
}

function showEnd() {
  $("#end b").textContent = `${game.score} dots`;
  $("#end p").textContent = game.yardstick;
  $("#end").showModal();
}

// From near, a person sees what the agent sees: five cells by five, and darkness around.
function look() {
  scene.frames = near ? seen : whole;
  scene.camera = near ? camera : undefined;
  $("#sight").textContent = near ? "Whole maze" : "What you see";
}

const drawBoard = draw;
draw = () => {
  drawBoard();
  if (!near) return;
  const [x, y] = shownAt(time), half = 2.5;
  pen.save();
  aim(pen, [x, y, ACROSS]);
  pen.fillStyle = colour("wall");
  pen.beginPath();
  pen.rect(x - ACROSS, y - ACROSS, 2 * ACROSS, 2 * ACROSS);
  pen.rect(x - half, y - half, 2 * half, 2 * half);
  pen.fill("evenodd");
  pen.restore();
};

function toggleSight() {
  near = !near;
  look();
  draw();
}

const again = () => begin(seed + 1);

function press(action) {
  moved = performance.now();
  act(action);
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("#end").open) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "r") again();
  else if (key === "v") toggleSight();
  else if (key in KEYS) {
    event.preventDefault();
    if (!event.repeat || performance.now() - moved >= REPEAT) press(KEYS[key]);
  }
});

let held = 0;
for (const button of document.querySelectorAll("#pad button")) {
  button.onpointerdown = (event) => {
    event.preventDefault();
    const action = Number(button.dataset.action);
    press(action);
    clearInterval(held);
    held = setTimeout(() => { held = setInterval(() => press(action), REPEAT); }, REPEAT_AFTER);
  };
}
for (const kind of ["pointerup", "pointercancel", "blur"]) addEventListener(kind, () => clearInterval(held));
$("#again").onclick = (event) => { event.target.blur(); again(); };
$("#sight").onclick = (event) => { event.target.blur(); toggleSight(); };
$("#end button").onclick = again;
addEventListener("hashchange", () => begin(asked()));

// The address may name an episode: `page.html#7`.
function asked() {
  const number = parseInt(location.hash.slice(1), 10);
  return number >= 0 && number < 2 ** 32 ? number : Math.floor(10000 * Math.random());
}

begin(asked());
