// The page of wrappers/viewing/replay_3d.html: one episode in three dimensions. `replay` is the scene, put
// into the page by wrappers/viewing/replay.py. `make viewer` bundles this with three.js.

import {
  Color, DirectionalLight, DoubleSide, Group, HemisphereLight, LineBasicMaterial, Mesh, MeshBasicMaterial,
  PerspectiveCamera, Scene, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { aircraft, lengthOf, sensorCone, spanOf } from "./aircraft.js";
import { Fire, Lines, Ribbon } from "./effects.js";
import { Player } from "./player.js";
import { Stage, segments } from "./stage.js";
import { Track } from "./track.js";

const { space } = replay;
const $ = (selector) => document.querySelector(selector);
const dark = matchMedia("(prefers-color-scheme: dark)");
const UP = new Vector3(0, 0, 1);
const NEAR = 0.4;  // the size of aircraft beside the camera, of what they have from afar
const NAME = { letter: 6.5, height: 12 };  // of the names' letters, in pixels
const WRECK = new Color(0x7b849b);

const renderer = makeRenderer();
const camera = new PerspectiveCamera(45, 1, 0.02, 200);
camera.up.copy(UP);
const scene = new Scene();
const controls = new OrbitControls(camera, renderer.domElement);
controls.maxDistance = 8 * space.radius / 1000;
controls.minDistance = 0.3;
controls.maxPolarAngle = 0.53 * Math.PI;

const stage = new Stage(space);
const sun = new DirectionalLight(0xffffff, 2.2);
sun.position.set(-6, -9, 14);
const fire = new Fire(space.bodies.length);
const sights = new Lines(space.bodies.length ** 2 || 1, 0.28);
const drops = new Lines(3 * space.bodies.length || 1, 0.5);
scene.add(stage.group, new HemisphereLight(0xffffff, 0xa0aabf, 2.6), sun, fire.group, sights.object, drops.object);

const tracks = space.bodies.map((body) => new Track(body));
const ribbons = new Group();
const pilots = space.bodies.map((body, i) => {
  const colour = new Color();
  const { group, paint } = aircraft(body.shape, colour);
  const ribbon = new Ribbon(tracks[i], 0.25 * spanOf(body.shape));
  ribbons.add(ribbon.mesh);
  scene.add(group);
  return { body, track: tracks[i], colour, group, paint, ribbon, ...entryOf(body, i), ...labelOf(body) };
});
scene.add(ribbons);
const cone = makeCone();
let followed = null, before = null;  // the aircraft that the camera follows, and where it was
let looked = false;  // whether the camera has its first place, which depends on the window's size

const player = new Player(replay.frames, replay.rate, draw, writeAddress);
const events = (replay.events ?? []).map(([frame, text, colour]) => ({ mark: player.mark(frame, text), colour }));

// --- A moment -----------------------------------------------------------------------------------

const during = (frame) => ([, , first, last]) => first <= frame && frame <= last;

function draw() {
  const { time } = player, frame = Math.floor(time), size = followed ? NEAR : 1;
  for (const pilot of pilots) {
    pilot.group.scale.setScalar(size * lengthOf(pilot.body.shape));
    pilot.track.place(time, pilot.group.position);
    pilot.track.attitude(time, pilot.group.quaternion);
    const alive = pilot.track.alive(time), paint = pilot.paint;
    paint.color.copy(alive ? pilot.colour : WRECK);
    paint.transparent = !alive;
    paint.opacity = alive ? 1 : 0.4;
    pilot.ribbon.show(time, pilot.colour, size);
    pilot.bar.style.width = `${100 * pilot.track.health(time)}%`;
    pilot.entry.classList.toggle("dead", !alive);
  }
  showLines(time, frame);
  fire.show(space.shots.filter(during(frame)), pilots, time, size);
  stage.show(frame);
  if (followed) follow(time);
  showCone(time);
  showTexts(frame);
  $("#ending").hidden = !replay.ending || frame < player.last;
  render();
}

function showLines(time, frame) {
  for (const [from, to] of space.sights.filter(during(frame))) {
    sights.push(pilots[from].group.position, pilots[to].group.position, pilots[from].colour);
  }
  sights.show();
  for (const { group, track, colour } of pilots) {
    if (!track.alive(time)) continue;
    const { x, y } = group.position, size = 0.14;
    drops.push(group.position, new Vector3(x, y, 0), colour);
    drops.push(new Vector3(x - size, y, 0.01), new Vector3(x + size, y, 0.01), colour);
    drops.push(new Vector3(x, y - size, 0.01), new Vector3(x, y + size, 0.01), colour);
  }
  drops.show();
}

function showTexts(frame) {
  const texts = Object.entries(replay.readouts).map(([label, values]) => [label, values[frame]]);
  texts.forEach(([, text], i) => { $("dl").children[i].lastChild.textContent = text; });
  $("#scrubber").value = frame;
  const words = texts.map((pair) => pair.join(" ")).join(", ");
  renderer.domElement.setAttribute("aria-label", followed ? `${words}, following ${followed.body.name}` : words);
}

function render() {
  renderer.render(scene, camera);
  showNames();
}

// Each beside its aircraft, unless it would lie on another's; that of the followed one comes first.
function showNames() {
  const { clientWidth: width, clientHeight: height } = renderer.domElement, spot = new Vector3(), taken = [];
  for (const { label, group, body, track } of [...pilots].sort((a, b) => (b === followed) - (a === followed))) {
    spot.copy(group.position).addScaledVector(UP, 0.4 * group.scale.z).project(camera);
    const x = (spot.x + 1) / 2 * width, y = (1 - spot.y) / 2 * height, reach = NAME.letter / 2 * body.name.length;
    const covers = taken.some((t) => Math.abs(t.x - x) < t.reach + reach && Math.abs(t.y - y) < NAME.height);
    label.hidden = !shown.names || spot.z > 1 || !track.alive(player.time) || covers;
    label.style.transform = `translate(-50%, -100%) translate(${x}px, ${y}px)`;
    if (!label.hidden) taken.push({ x, y, reach });
  }
}

// --- The camera ---------------------------------------------------------------------------------

// The whole episode from the south, as near as it fits.
function lookFromAfar() {
  const places = tracks.flatMap((track) => track.places);
  const away = places.map(({ x, y }) => Math.hypot(x, y)).sort((a, b) => a - b);
  const reach = away.length ? 1.25 * away[Math.floor(0.95 * (away.length - 1))] : Infinity;
  const arena = space.radius / 1000, radius = Math.min(arena, Math.max(0.42 * arena, reach));
  const far = radius / Math.min(1, camera.aspect);
  controls.target.set(0, 0, places.reduce((sum, { z }) => sum + z, 0) / Math.max(1, places.length) - 0.15 * radius);
  camera.position.set(0.4 * radius, -1.75 * far, 1.5 * far);
  controls.update();
}

function select(pilot) {
  followed = pilot;
  before = null;
  for (const { entry } of pilots) entry.setAttribute("aria-pressed", String(entry === pilot?.entry));
  $("#free").hidden = !pilot;
  if (!pilot) lookFromAfar();
  draw();
}

// The camera flies along, and keeps its place beside the aircraft as it turns.
function follow(time) {
  const place = followed.track.place(time);
  const nose = new Vector3(1, 0, 0).applyQuaternion(followed.track.attitude(time)).setZ(0).normalize();
  const offset = camera.position.clone().sub(controls.target);
  if (before) {
    offset.applyAxisAngle(UP, Math.atan2(before.x * nose.y - before.y * nose.x, before.dot(nose)));
  } else {
    offset.copy(nose).multiplyScalar(-0.8 - NEAR * lengthOf(followed.body.shape)).addScaledVector(UP, 0.35);
  }
  before = nose;
  controls.target.copy(place);
  camera.position.copy(place).add(offset);
  controls.update();
}

function makeCone() {
  const group = new Group();
  group.visible = false;
  const glass = { transparent: true, depthWrite: false };
  const fill = new MeshBasicMaterial({ ...glass, opacity: 0.035, side: DoubleSide });
  const line = new LineBasicMaterial({ ...glass, opacity: 0.45 });
  scene.add(group);
  return { group, fill, line };
}

function showCone(time) {
  cone.group.visible = shown.sensor && followed !== null && followed.track.alive(time);
  if (!cone.group.visible) return;
  const [range, angle] = followed.body.sight;
  if (cone.angle !== angle) {
    const { faces, edges } = sensorCone(angle);
    cone.group.clear().add(segments(edges, cone.line), ...faces.map((face) => new Mesh(face, cone.fill)));
    cone.angle = angle;
  }
  for (const material of [cone.fill, cone.line]) material.color.copy(followed.colour);
  cone.group.scale.setScalar(range / 1000);
  cone.group.position.copy(followed.group.position);
  cone.group.quaternion.copy(followed.group.quaternion);
}

// --- Setting the page up ------------------------------------------------------------------------

function makeRenderer() {
  try {
    const made = new WebGLRenderer({ antialias: true });
    made.domElement.setAttribute("role", "img");
    $("#view").prepend(made.domElement);
    return made;
  } catch (error) {
    $("#view").append("This replay needs WebGL, which this browser does not offer.");
    throw error;
  }
}

function entryOf(body) {
  const entry = $("#aircraft").appendChild(document.createElement("button"));
  const [chip, name, kind, health] = ["i", "b", "small", "span"].map((tag) => entry.appendChild(document.createElement(tag)));
  name.textContent = body.name;
  kind.textContent = body.kind;
  const bar = health.appendChild(document.createElement("span"));
  entry.title = `Follow ${body.name}`;
  entry.setAttribute("aria-pressed", "false");
  return { entry, chip, bar };
}

function labelOf(body) {
  const label = $("#labels").appendChild(document.createElement("span"));
  label.textContent = body.name;
  return { label };
}

const shown = { sight: true, trails: true, drops: true, names: true, sensor: true };

function makeSwitches() {
  const labels = { sight: "who sees whom", trails: "trails", drops: "drop lines", names: "names", sensor: "sensor" };
  for (const name in shown) {
    const button = $("#switches").appendChild(document.createElement("button"));
    button.textContent = labels[name];
    button.title = "Show or hide";
    button.setAttribute("aria-pressed", "true");
    button.onclick = () => {
      shown[name] = !shown[name];
      button.setAttribute("aria-pressed", String(shown[name]));
      sights.object.visible = shown.sight;
      ribbons.visible = shown.trails;
      drops.object.visible = shown.drops;
      draw();
    };
  }
}

function paint() {
  const theme = dark.matches ? "dark" : "light";
  scene.background = new Color(stage.paint(theme));
  fire.paint(theme);
  for (const { body, colour, chip, bar, label } of pilots) {
    const text = replay.colours[body.colour][theme];
    colour.set(text);
    chip.style.background = bar.style.background = label.style.color = text;
  }
  for (const { mark, colour } of events) mark.style.background = replay.colours[colour][theme];
  draw();
}

function resize() {
  const { clientWidth: width, clientHeight: height } = $("#view");
  if (!width || !height) return;  // a frame in a page may have no size yet
  renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
  renderer.setSize(width, height);
  camera.aspect = width / height;
  camera.updateProjectionMatrix();
  if (!looked) lookFromAfar();
  looked = true;
  draw();
}

// `#40` is frame 40, paused; `#40,ally_0` also follows ally_0.
function openAddress() {
  const [frame, name] = decodeURIComponent(location.hash.slice(1)).split(",");
  const pilot = pilots.find(({ body }) => body.name === name);
  if (pilot) select(pilot);
  if (!Number.isFinite(parseInt(frame, 10))) return false;
  player.seek(parseInt(frame, 10));
  return true;
}

// The address names the frame and who is followed, so that it can be copied. A page in a page has none.
function writeAddress() {
  const name = followed ? `,${encodeURIComponent(followed.body.name)}` : "";
  try { history.replaceState(null, "", `#${Math.floor(player.time)}${name}`); } catch { /* no address */ }
}

$("h1").textContent = replay.title;
$("#ending").textContent = replay.ending ?? "";
for (const label in replay.readouts) {
  const entry = $("dl").appendChild(document.createElement("div"));
  entry.appendChild(document.createElement("dt")).textContent = label;
  entry.appendChild(document.createElement("dd"));
}
makeSwitches();
for (const pilot of pilots) pilot.entry.onclick = () => select(followed === pilot ? null : pilot);
$("#free").onclick = () => select(null);
addEventListener("keydown", (event) => { if (event.key === "Escape") select(null); });
controls.addEventListener("change", () => { if (!player.playing) render(); });
addEventListener("resize", resize);
addEventListener("hashchange", openAddress);
dark.addEventListener("change", paint);
resize();
paint();
if (!openAddress() && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.play();
