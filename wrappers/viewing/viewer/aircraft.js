// Aircraft as meshes, several times as large as they are, so that they can be seen from afar:
// a mesh is one unit long, and a shape's length is in kilometres. The nose is along x, the left wing
// along y, and z points up.

import {
  ConeGeometry, CylinderGeometry, DoubleSide, ExtrudeGeometry, Group, Mesh,
  MeshStandardMaterial, Shape, SphereGeometry,
} from "three";

// In units of the body's length: a wing is front and back of its root, its span to one side, and
// front and back of its tip.
const AIRFRAMES = {
  swept: {
    length: 0.5, girth: 0.055,
    wings: [[0.12, -0.36, 0.36, -0.22, -0.34], [-0.36, -0.5, 0.2, -0.46, -0.53]],
    fins: [[0, 0.2]],
  },
  broad: {
    length: 0.72, girth: 0.075,
    wings: [[0.1, -0.22, 0.52, -0.16, -0.28], [-0.36, -0.5, 0.24, -0.42, -0.52]],
    fins: [[-0.1, 0.18], [0.1, 0.18]],
  },
  straight: {
    length: 0.52, girth: 0.05,
    wings: [[0.1, -0.12, 0.5, -0.06, -0.14], [-0.38, -0.5, 0.2, -0.42, -0.5]],
    fins: [[0, 0.2]], dish: 0.17,
  },
  dart: {
    length: 0.62, girth: 0.045,
    wings: [[0.2, -0.42, 0.28, -0.36, -0.44]],
    fins: [[0, 0.2]],
  },
  canard: {
    length: 0.56, girth: 0.055,
    wings: [[0.08, -0.4, 0.4, -0.3, -0.36], [0.32, 0.2, 0.16, 0.2, 0.15]],
    fins: [[-0.12, 0.2], [0.12, 0.2]],
  },
  airliner: {
    length: 1.1, girth: 0.06,
    wings: [[0.14, -0.08, 0.52, -0.16, -0.22], [-0.38, -0.5, 0.2, -0.47, -0.53]],
    fins: [[0, 0.2]], engines: [[0.0, 0.17], [-0.06, 0.32]],
  },
};

export const spanOf = (shape) => AIRFRAMES[shape].length * AIRFRAMES[shape].wings[0][2];
export const lengthOf = (shape) => AIRFRAMES[shape].length;

export function aircraft(shape, colour) {
  const plan = AIRFRAMES[shape];
  const paint = new MeshStandardMaterial({ color: colour, flatShading: true, side: DoubleSide, roughness: 0.6 });
  const trim = new MeshStandardMaterial({ color: 0x1b2338, flatShading: true, roughness: 0.4 });
  const group = new Group();
  const add = (geometry, material = paint) => group.add(new Mesh(geometry, material));

  add(new CylinderGeometry(plan.girth, plan.girth * 0.8, 0.7, 10).rotateZ(-Math.PI / 2).translate(-0.15, 0, 0));
  add(new ConeGeometry(plan.girth, 0.3, 10).rotateZ(-Math.PI / 2).translate(0.35, 0, 0));
  add(new SphereGeometry(plan.girth * 0.75, 10, 8).scale(2, 0.8, 0.9).translate(0.16, 0, plan.girth * 0.7), trim);
  add(new CylinderGeometry(plan.girth * 0.7, plan.girth * 0.7, 0.03, 10).rotateZ(-Math.PI / 2).translate(-0.51, 0, 0), trim);
  for (const [rootFront, rootBack, span, tipFront, tipBack] of plan.wings) {
    for (const side of [1, -1]) {
      add(plate([[rootFront, 0], [tipFront, side * span], [tipBack, side * span], [rootBack, 0]]));
    }
  }
  for (const [y, height] of plan.fins) {
    const fin = plate([[-0.22, 0], [-0.44, height], [-0.52, height], [-0.48, 0]]);
    add(fin.rotateX(Math.PI / 2).translate(0, y, plan.girth * 0.5));
  }
  for (const [x, y] of plan.engines ?? []) {
    for (const side of [1, -1]) {
      add(new CylinderGeometry(0.03, 0.025, 0.14, 8).rotateZ(-Math.PI / 2).translate(x, side * y, -0.04), trim);
    }
  }
  if (plan.dish) {
    add(new CylinderGeometry(plan.dish, plan.dish, 0.03, 20).rotateX(Math.PI / 2).translate(-0.1, 0, 0.15), trim);
    add(new CylinderGeometry(0.02, 0.03, 0.12, 6).rotateX(Math.PI / 2).translate(-0.1, 0, 0.08));
  }
  return { group, paint };
}

function plate(points) {
  const outline = new Shape();
  points.forEach(([x, y], i) => (i ? outline.lineTo(x, y) : outline.moveTo(x, y)));
  return new ExtrudeGeometry(outline, { depth: 0.016, bevelEnabled: false }).translate(0, 0, -0.008);
}

// The region that a sensor looks into, `angle` degrees to all sides of x, of radius one: its faces,
// and its edges as pairs of places.
export function sensorCone(angle) {
  const theta = angle * Math.PI / 180, along = Math.cos(theta), across = Math.sin(theta), edges = [];
  const cap = new SphereGeometry(1, 48, 12, 0, 2 * Math.PI, 0, theta);
  const side = new ConeGeometry(across, along, 48, 1, true).rotateX(Math.PI).translate(0, along / 2, 0);
  for (let i = 0; i < 48; i++) {
    const [here, next] = [i, i + 1].map((j) => [
      along, across * Math.cos(j * Math.PI / 24), across * Math.sin(j * Math.PI / 24)]);
    edges.push(...here, ...next);
    if (i % 6 === 0) edges.push(0, 0, 0, ...here);
  }
  return { faces: [cap, side].map((geometry) => geometry.rotateZ(-Math.PI / 2)), edges };
}
