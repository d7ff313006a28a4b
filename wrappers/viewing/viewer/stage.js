// What the aircraft fly in: ground and grid, the arena's edge, obstacles, points and cells.

import {
  BufferGeometry, CircleGeometry, CylinderGeometry, DoubleSide, Float32BufferAttribute, Group,
  InstancedMesh, LineBasicMaterial, LineSegments, Matrix4, Mesh, MeshBasicMaterial,
  MeshStandardMaterial, PlaneGeometry, SphereGeometry,
} from "three";

export const COLOURS = {
  dark: { sky: 0x0a1020, ground: 0x111a30, grid: 0x24345a, edge: 0x6f88c8, obstacle: 0x55648f, point: 0x00c795 },
  light: { sky: 0xdfe8f5, ground: 0xf4f7fc, grid: 0xc9d4e8, edge: 0x5b72ad, obstacle: 0x9aa7c4, point: 0x00875f },
};

export class Stage {
  constructor(space) {
    this.space = space;
    this.group = new Group();
    const radius = space.radius / 1000, ceiling = space.ceiling / 1000;
    const glass = { transparent: true, depthWrite: false, side: DoubleSide };
    this.materials = {
      ground: new MeshBasicMaterial({ polygonOffset: true, polygonOffsetFactor: 2, polygonOffsetUnits: 2, side: DoubleSide }),
      grid: new LineBasicMaterial(),
      edge: new LineBasicMaterial({ transparent: true, opacity: 0.4 }),
      wall: new MeshBasicMaterial({ ...glass, opacity: 0.035 }),
      obstacle: new MeshStandardMaterial({ flatShading: true, transparent: true, opacity: 0.8 }),
      point: new MeshBasicMaterial({ ...glass, opacity: 0.16 }),
      mesh: new MeshBasicMaterial({ transparent: true, opacity: 0.35, wireframe: true }),
      cell: new MeshBasicMaterial({ ...glass, opacity: 0.22 }),
    };
    this.#addArena(radius, ceiling);
    this.#addObstacles();
    this.#addPoints();
    this.#addCells();
  }

  paint(theme) {
    const { sky, ...colours } = COLOURS[theme];
    for (const name in colours) this.materials[name].color.set(colours[name]);
    this.materials.wall.color.set(colours.edge);
    this.materials.mesh.color.set(colours.point);
    this.materials.cell.color.set(colours.point);
    return sky;
  }

  show(frame) {
    const points = this.space.points[frame];
    this.points.forEach((sphere, i) => {
      sphere.visible = i < points.length;
      if (sphere.visible) sphere.position.fromArray(points[i]).divideScalar(1000);
    });
    if (!this.cells) return;
    const left = this.space.cells.filter(([, , first, last]) => first <= frame && frame <= last);
    left.forEach(([x, y], i) => this.cells.setMatrixAt(i, new Matrix4().setPosition(x / 1000, y / 1000, 0.02)));
    this.cells.count = left.length;
    this.cells.instanceMatrix.needsUpdate = true;
  }

  #addArena(radius, ceiling) {
    const { ground, grid, edge, wall } = this.materials;
    this.group.add(new Mesh(new CircleGeometry(radius, 96), ground));
    const lines = [];
    for (let k = Math.ceil(-radius); k < radius; k++) {
      const half = Math.sqrt(radius ** 2 - k ** 2);
      lines.push(k, -half, 0, k, half, 0, -half, k, 0, half, k, 0);
    }
    this.group.add(segments(lines, grid));
    const rim = [];
    for (let i = 0; i < 96; i++) {
      const [x0, y0, x1, y1] = [i, i + 1].flatMap((j) => [
        radius * Math.cos(j * Math.PI / 48), radius * Math.sin(j * Math.PI / 48)]);
      for (const z of [0, ceiling]) rim.push(x0, y0, z, x1, y1, z);
      if (i % 8 === 0) rim.push(x0, y0, 0, x0, y0, ceiling);
    }
    this.group.add(segments(rim, edge));
    const round = new CylinderGeometry(radius, radius, ceiling, 96, 1, true);
    this.group.add(new Mesh(round.rotateX(Math.PI / 2).translate(0, 0, ceiling / 2), wall));
  }

  #addObstacles() {
    for (const [x, y, radius, height] of this.space.obstacles.map((row) => row.map((m) => m / 1000))) {
      const geometry = new CylinderGeometry(radius, radius, height, 32).rotateX(Math.PI / 2);
      this.group.add(new Mesh(geometry.translate(x, y, height / 2), this.materials.obstacle));
    }
  }

  #addPoints() {
    const geometry = new SphereGeometry(this.space.point_radius / 1000, 20, 14).rotateX(Math.PI / 2);
    const most = Math.max(0, ...this.space.points.map((points) => points.length));
    this.points = Array.from({ length: most }, () => {
      const sphere = new Mesh(geometry, this.materials.point);
      sphere.add(new Mesh(geometry, this.materials.mesh));
      this.group.add(sphere);
      return sphere;
    });
  }

  #addCells() {
    if (!this.space.cells.length) return;
    const side = 0.92 * this.space.cell_side / 1000;
    this.cells = new InstancedMesh(new PlaneGeometry(side, side), this.materials.cell, this.space.cells.length);
    this.cells.frustumCulled = false;
    this.group.add(this.cells);
  }
}

export function segments(numbers, material) {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new Float32BufferAttribute(numbers, 3));
  return new LineSegments(geometry, material);
}
