// What is drawn anew at every moment: ribbons, drop lines, sight lines, gunfire, bursts.

import {
  AdditiveBlending, BufferAttribute, BufferGeometry, CanvasTexture, CylinderGeometry, DoubleSide,
  DynamicDrawUsage, Group, LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial, NormalBlending,
  Quaternion, Sprite, SpriteMaterial, Vector3,
} from "three";

const RIBBON_FRAMES = 30;
const RIBBON_PIECES = 3;  // a frame
const SAMPLES = RIBBON_FRAMES * RIBBON_PIECES + 2;
const BURST_FRAMES = 14;

// A ribbon along where the wings were: its twist shows how the aircraft banked.
export class Ribbon {
  constructor(track, halfSpan) {
    this.track = track;
    this.half = halfSpan;
    const corners = 2 * SAMPLES, index = [];
    for (let i = 0; i < corners - 2; i += 2) index.push(i, i + 1, i + 2, i + 2, i + 1, i + 3);
    const geometry = new BufferGeometry().setIndex(index);
    this.places = dynamic(corners, 3);
    this.colours = dynamic(corners, 4);
    geometry.setAttribute("position", this.places).setAttribute("color", this.colours);
    const material = new MeshBasicMaterial({ vertexColors: true, transparent: true, depthWrite: false, side: DoubleSide });
    this.mesh = new Mesh(geometry, material);
    this.mesh.frustumCulled = false;
  }

  show(time, colour, size) {
    const wing = new Vector3(), place = new Vector3(), turn = new Quaternion();
    const newest = Math.ceil(time * RIBBON_PIECES);
    for (let i = 0; i < SAMPLES; i++) {
      // At fixed times, so that what is drawn stays where it is, and at the aircraft itself.
      const then = Math.max(0, i === 0 ? time : (newest - i) / RIBBON_PIECES);
      this.track.place(then, place);
      wing.set(0, size * this.half, 0).applyQuaternion(this.track.attitude(then, turn));
      const fade = Math.max(0, 1 - (time - then) / RIBBON_FRAMES);
      [1, -1].forEach((side, k) => {
        this.places.setXYZ(2 * i + k, place.x + side * wing.x, place.y + side * wing.y, place.z + side * wing.z);
        this.colours.setXYZW(2 * i + k, colour.r, colour.g, colour.b, 0.38 * fade ** 1.5);
      });
    }
    this.places.needsUpdate = this.colours.needsUpdate = true;
  }
}

// Many straight lines in one object; each frame's lines are pushed and then shown.
export class Lines {
  constructor(most, opacity) {
    const geometry = new BufferGeometry();
    this.places = dynamic(2 * most, 3);
    this.colours = dynamic(2 * most, 3);
    geometry.setAttribute("position", this.places).setAttribute("color", this.colours);
    this.object = new LineSegments(geometry, new LineBasicMaterial({ vertexColors: true, transparent: true, opacity, depthWrite: false }));
    this.object.frustumCulled = false;
    this.count = 0;
  }

  push(start, end, colour) {
    for (const place of [start, end]) {
      this.places.setXYZ(this.count, place.x, place.y, place.z);
      this.colours.setXYZ(this.count, colour.r, colour.g, colour.b);
      this.count++;
    }
  }

  show() {
    this.object.geometry.setDrawRange(0, this.count);
    this.places.needsUpdate = this.colours.needsUpdate = true;
    this.count = 0;
  }
}

// Gunfire as beams in the team's colour with a flash where they hit, and the bursts of what dies.
export class Fire {
  constructor(bodies) {
    this.group = new Group();
    // Along x, thick at the muzzle: x = -1/2.
    const shape = new CylinderGeometry(0.12, 1, 1, 8, 1, true).rotateZ(-Math.PI / 2);
    this.beams = Array.from({ length: bodies }, () => new Mesh(shape, new MeshBasicMaterial()));
    const glow = glowTexture();
    const sprite = () => new Sprite(new SpriteMaterial({ map: glow, transparent: true, depthWrite: false }));
    this.flashes = Array.from({ length: bodies }, sprite);
    this.bursts = Array.from({ length: bodies }, sprite);
    this.group.add(...this.beams, ...this.flashes, ...this.bursts);
  }

  paint(theme) {
    for (const sprite of [...this.flashes, ...this.bursts]) {
      sprite.material.blending = theme === "dark" ? AdditiveBlending : NormalBlending;
      sprite.material.needsUpdate = true;
    }
  }

  show(shots, pilots, time, size) {
    this.beams.forEach((beam, i) => {
      const flash = this.flashes[i];
      beam.visible = flash.visible = i < shots.length;
      if (!beam.visible) return;
      const [shooter, target] = shots[i].slice(0, 2).map((body) => pilots[body]);
      const from = shooter.track.place(time), to = target.track.place(time);
      beam.material.color.copy(shooter.colour);
      const way = to.clone().sub(from);
      beam.position.copy(from).addScaledVector(way, 0.5);
      beam.quaternion.setFromUnitVectors(new Vector3(1, 0, 0), way.clone().normalize());
      beam.scale.set(way.length(), 0.03 * size, 0.03 * size);
      flash.position.copy(to);
      flash.scale.setScalar(size * (0.5 + 0.15 * Math.sin(9 * time)));
    });
    this.bursts.forEach((burst, i) => {
      const { track } = pilots[i], age = time - (track.body.died ?? Infinity);
      burst.visible = age >= 0 && age < BURST_FRAMES;
      if (!burst.visible) return;
      track.place(time, burst.position);
      burst.scale.setScalar(size * (0.8 + 1.6 * Math.sqrt(age / BURST_FRAMES)));
      burst.material.opacity = 1 - age / BURST_FRAMES;
    });
  }
}

function dynamic(count, size) {
  return new BufferAttribute(new Float32Array(count * size), size).setUsage(DynamicDrawUsage);
}

function glowTexture() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d"), fade = pen.createRadialGradient(32, 32, 0, 32, 32, 32);
  for (const [stop, colour] of [[0, "#fffbe0ff"], [0.25, "#ffd060e0"], [0.6, "#ff8a0060"], [1, "#ff600000"]]) {
    fade.addColorStop(stop, colour);
  }
  pen.fillStyle = fade;
  pen.fillRect(0, 0, 64, 64);
  return new CanvasTexture(canvas);
}
