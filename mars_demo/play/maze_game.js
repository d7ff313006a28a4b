// PaxMen with one person in the team: JAX's random numbers, the rules, and the network of the others.
// What `mars_demo.play.game.Game` plays, step for step. It runs in a page, and in Node for the tests.

const MazeGame = (() => {
  const MOVES = [[-1, 0], [1, 0], [0, 1], [0, -1]], EAT = 4;  // up, down, right, left
  const PENALTY = 0.025, REACH = 2;  // of a view: cells to each side

  // --- Random numbers: Threefry-2x32 with 20 rounds (Salmon et al., SC 2011), as JAX counts ---------

  const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]];

  function threefry([k0, k1], x0, x1) {
    const keys = [k0, k1, k0 ^ k1 ^ 0x1bd11bda];
    x0 = (x0 + k0) | 0;
    x1 = (x1 + k1) | 0;
    for (let i = 0; i < 5; i++) {
      for (const turn of ROTATIONS[i % 2]) {
        x0 = (x0 + x1) | 0;
        x1 = ((x1 << turn) | (x1 >>> (32 - turn))) ^ x0;
      }
      x0 = (x0 + keys[(i + 1) % 3]) | 0;
      x1 = (x1 + keys[(i + 2) % 3] + i + 1) | 0;
    }
    return [x0 >>> 0, x1 >>> 0];
  }

  const range = (n) => [...Array(n).keys()];
  const split = (key) => [threefry(key, 0, 0), threefry(key, 0, 1)];
  const words = (key, n) => range(n).map((i) => threefry(key, 0, i)).map(([a, b]) => (a ^ b) >>> 0);
  const uniforms = (key, n) => words(key, n).map((word) => (word >>> 9) / 2 ** 23);

  // --- Draws: paxmen/draws.py -----------------------------------------------------------------------

  const LARGEST_PRODUCT = Math.floor(2 ** 32 / 10000);  // of the digits that share a word

  // Digits of these radices, from as many words as they need.
  function digits(radices, key, first) {
    const groups = [];
    let product = Infinity;
    for (const radix of radices) {
      product *= radix;
      if (product > LARGEST_PRODUCT) {
        groups.push([]);
        product = radix;
      }
      groups.at(-1).push(radix);
    }
    const drawn = words(key, first + groups.length).slice(first);
    return groups.flatMap((group, i) => group.map((radix) => {
      const digit = drawn[i] % radix;
      drawn[i] = Math.floor(drawn[i] / radix);
      return digit;
    }));
  }

  // Three bits of 0..14, by Floyd's method.
  function threeOfFifteen(word) {
    let dots = 0;
    for (const last of [12, 13, 14]) {
      const bit = 1 << word % (last + 1);
      dots |= dots & bit ? 1 << last : bit;
      word = Math.floor(word / (last + 1));
    }
    return dots;
  }

  // Each rank names one of the numbers that those before it left over.
  function distinct(ranks) {
    const numbers = [...ranks];
    for (let i = numbers.length - 2; i >= 0; i--) {
      for (let j = i + 1; j < numbers.length; j++) if (numbers[j] >= numbers[i]) numbers[j]++;
    }
    return numbers;
  }

  // --- The networks: two layers of ReLU, and the action drawn by one number -------------------------

  function readNetworks({ sizes, weights }) {
    const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
    const numbers = new Float32Array(bytes.buffer), networks = [];
    for (let at = 0; at < numbers.length;) {
      networks.push(range(sizes.length - 1).map((i) => {
        const [from, to] = [sizes[i], sizes[i + 1]];
        const kernel = numbers.subarray(at, at += from * to);
        return { kernel, bias: numbers.subarray(at, at += to) };
      }));
    }
    return networks;
  }

  function logits(network, features) {
    return network.reduce((x, { kernel, bias }, layer) => Array.from(bias, (b, j) => {
      const y = x.reduce((sum, value, i) => sum + value * kernel[i * bias.length + j], b);
      return layer < network.length - 1 ? Math.max(0, y) : y;
    }), features);
  }

  function draw(logits, uniform) {
    const most = Math.max(...logits), sums = [];
    for (const logit of logits) sums.push((sums.at(-1) ?? 0) + Math.exp(logit - most));
    return sums.findIndex((sum) => sum > uniform * sums.at(-1));
  }

  // --- The game -------------------------------------------------------------------------------------

  return class {
    // `data` is what mars_demo/play/page.py writes.
    constructor(data) {
      Object.assign(this, data);
      this.networks = readNetworks(data);
    }

    start(seed) {
      const [resetKey, key] = split([0, seed]);
      this.key = key;
      const { hub } = this.levels[0], agents = range(this.agents);
      const [level, ...ranks] = digits(
        [this.levels.length, ...agents.map((i) => hub - i)], resetKey, this.agents);
      this.level = level;
      this.positions = distinct(ranks).map((cell) => this.maze.cells[cell]);
      this.spreadDots(resetKey);
      this.step = this.score = this.reward = 0;
    }

    get maze() {
      return this.levels[this.level];
    }

    get done() {
      return this.step >= this.steps;
    }

    spreadDots(key) {
      this.dots = words(key, this.maze.rooms.length).flatMap((word, room) => {
        const chosen = threeOfFifteen(word), first = this.maze.rooms[room];
        return this.maze.cells.slice(first, first + 15).filter((_, i) => chosen >> i & 1);
      });
    }

    isOpen([row, col]) {
      return this.maze.cells.some(([r, c]) => r === row && c === col);
    }

    // One step: the person does this, and everybody else what their network says.
    act(action) {
      if (this.done) return;
      const [key, now] = split(this.key), [matesKey, envKey] = split(now);
      this.key = key;
      const drawn = uniforms(matesKey, this.agents);
      const actions = drawn.map((uniform, i) =>
        i === this.person ? action : draw(logits(this.networks[this.policies[i]], this.features(i)), uniform));
      this.positions = this.positions.map(([row, col], i) => {
        const [down, right] = MOVES[actions[i]] ?? [0, 0], to = [row + down, col + right];
        return this.isOpen(to) ? to : [row, col];
      });
      this.eat(actions);
      if (!this.dots.length) this.spreadDots(envKey);
      this.step += 1;
    }

    eat(actions) {
      const here = ([row, col]) => this.positions.filter(
        ([r, c], i) => actions[i] === EAT && r === row && c === col).length;
      this.eaten = this.dots.filter((dot) => here(dot));
      this.dots = this.dots.filter((dot) => !here(dot));
      const eaters = this.eaten.reduce((sum, dot) => sum + here(dot), 0);
      this.score += this.eaten.length;
      this.reward += this.eaten.length - PENALTY * (this.agents - eaters);
    }

    // What an agent sees: for each of its 25 cells, whether there is a wall, a dot, another agent.
    features(agent) {
      const [row, col] = this.positions[agent], walls = [], dots = [], others = [];
      for (let r = row - REACH; r <= row + REACH; r++) {
        for (let c = col - REACH; c <= col + REACH; c++) {
          const at = ([y, x]) => y === r && x === c;
          const other = this.positions.some((place, i) => i !== agent && at(place));
          others.push(Number(other));
          dots.push(Number(!other && this.dots.some(at)));
          walls.push(Number(!this.isOpen([r, c])));
        }
      }
      return [...walls, ...dots, ...others, ...range(this.agents).map((i) => Number(i === agent))];
    }
  };
})();

if (typeof module === "object") module.exports = MazeGame;
