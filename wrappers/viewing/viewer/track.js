// Where a body is at a time between frames. Lengths are kilometres from here on, z points up.

import { Euler, Quaternion, Vector3 } from "three";

const RADIANS = Math.PI / 180;

export class Track {
  constructor(body) {
    this.body = body;
    this.last = body.x.length - 1;
    this.places = body.x.map((x, t) => new Vector3(x, body.y[t], body.z[t]).divideScalar(1000));
    // Nose along x, left wing along y: bank about the nose first, then pitch, then yaw.
    this.attitudes = body.x.map((_, t) => new Quaternion().setFromEuler(new Euler(
      body.bank[t] * RADIANS, -body.pitch[t] * RADIANS, body.yaw[t] * RADIANS, "ZYX")));
  }

  // What has died stays where it died.
  #split(time) {
    const end = Math.min(this.last, this.body.died ?? this.last);
    const held = Math.min(Math.max(time, 0), end), index = Math.floor(held);
    return [index, Math.min(index + 1, end), held - index, end];
  }

  // On a smooth curve through the recorded places (Catmull and Rom's).
  place(time, into = new Vector3()) {
    const [now, then, t, end] = this.#split(time), places = this.places;
    const before = places[Math.max(now - 1, 0)], after = places[Math.min(then + 1, end)];
    const weights = [t * t * (2 - t) - t, t * t * (3 * t - 5) + 2, t * t * (4 - 3 * t) + t, t * t * (t - 1)];
    into.set(0, 0, 0);
    [before, places[now], places[then], after].forEach((place, i) => into.addScaledVector(place, weights[i] / 2));
    return into;
  }

  attitude(time, into = new Quaternion()) {
    const [now, then, part] = this.#split(time);
    return into.slerpQuaternions(this.attitudes[now], this.attitudes[then], part);
  }

  alive(time) {
    return this.body.died === null || time < this.body.died;
  }

  health(time) {
    return this.alive(time) ? this.body.health[Math.floor(time)] : 0;
  }
}
