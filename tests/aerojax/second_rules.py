"""The rules a second time: NumPy in float64, one environment, written from docs/aerojax.md alone.

Plain formulas without an eye on speed. A state is an `aerojax.State` of NumPy arrays; what it holds
is read, and nothing of `aerojax` is called.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

G = 9.80665
DT, SUBSTEPS = 0.5, 2
LOAD_LAG, THROTTLE_LAG = 0.35, 1.0


@dataclass
class Figures:
    """The world's: a0 to a4 and the rest of each slot, and those of the arena."""

    a: list
    n_max: np.ndarray
    hp: np.ndarray
    radar: np.ndarray
    gun_range: np.ndarray
    gun_rate: np.ndarray
    radius: float
    ceiling: float
    collision: float = 15.0
    close: float = 3500.0
    radar_cosine: float = 0.5
    gun_cosine: float = np.cos(np.pi / 6)
    link: float = 10_000.0


def figures(config, world=None):
    """Of a world, or of the table of classes."""
    if world is not None:
        fleet = world.fleet
        return Figures(
            [fleet.parasite, fleet.induced, fleet.lift, fleet.dry_thrust, fleet.max_thrust],
            fleet.max_load,
            fleet.max_hp,
            fleet.radar_range,
            fleet.gun_range,
            fleet.gun_rate,
            world.radius,
            world.ceiling,
            world.collision_range,
            world.close_range,
            world.radar_cosine,
            world.gun_cosine,
            world.link_range,
        )

    def column(name):
        return np.array([getattr(aircraft, name) for aircraft in config.classes], np.float64)

    m, cl_max = column("mass"), column("cl_max")
    c = 1.225 * column("wing_area") / (2 * m)
    a = [c * column("cd0"), c * column("k") * cl_max**2, c * cl_max / G]
    a += [column("dry_thrust") / m, column("max_thrust") / m]
    return Figures(
        a,
        column("max_load"),
        column("hit_points"),
        6000 * column("radar_scale"),
        2500 * column("gun_range_scale"),
        0.25 * column("damage_scale"),
        config.radius,
        config.ceiling,
    )


# --- Flight: every vector is (3, N) ---------------------------------------------------------------


def fly(f, motion, commands, control, gusts=None):
    """The motion a step later: position, velocity and up (3, N), ny, nz and throttle (N,)."""
    s = SimpleNamespace(
        p=np.stack([motion.x, motion.y, motion.z]),
        v=np.stack([motion.vx, motion.vy, motion.vz]),
        u=np.stack([motion.up_x, motion.up_y, motion.up_z]),
        ny=motion.ny,
        nz=motion.nz,
        th=motion.throttle,
    )
    if gusts is not None:
        wind, before, now = (np.append(part, 0.0)[:, None] for part in gusts)
        s.v = s.v - (now - before)
        s.u = unit(s.u - dot(s.u, direction(s.v)) * direction(s.v))
    for _ in range(SUBSTEPS):
        s = substep(f, s, commands, control, DT / SUBSTEPS)
    if gusts is not None:
        s.p = s.p + (wind + now) * DT
    return s


def substep(f, s, commands, control, h):
    middle = SimpleNamespace(**vars(s))
    middle.p, middle.v = s.p + h / 2 * s.v, s.v + h / 2 * acceleration(f, s, control)
    middle.u = attitude(s, middle.v, commands, control, h / 2)
    ny, nz = asked(f, middle, commands, control)
    th = (commands[2] + 1) / 2
    mean, last = (lambda t: -np.expm1(-t) / t), (lambda t: np.exp(-t))
    end = SimpleNamespace()
    for moment, of in ((middle, mean), (end, last)):
        moment.ny = ny + of(h / LOAD_LAG) * (s.ny - ny)
        moment.nz = nz + of(h / LOAD_LAG) * (s.nz - nz)
        moment.th = th + of(h / THROTTLE_LAG) * (s.th - th)
    shorten(f, middle)
    end.p, end.v = s.p + h * middle.v, s.v + h * acceleration(f, middle, control)
    end.u = attitude(s, end.v, commands, control, h)
    shorten(f, end)
    return end


def acceleration(f, s, control):
    v2 = dot(s.v, s.v) + 1e-6
    speed, ahead = np.sqrt(v2), direction(s.v)
    thin = np.maximum(1 - s.p[2] / 42000, 0.02)
    density, mach = thin**4, speed / (170 * (1 + thin))
    d, w = np.minimum(s.th / 0.77, 1), np.maximum(0, (s.th - 0.77) / 0.23)
    a0, a1, a2, a3, a4 = f.a
    thrust = thin**2 * (
        a3 * (thin**2 + 0.25 * mach**2) * (d - w) + a4 * (thin + 0.14 * mach**2) * w
    )
    b = np.maximum(0, mach - 0.85) ** 2
    x2 = np.minimum((s.ny**2 + s.nz**2) / np.maximum((a2 * density * v2) ** 2, 1e-6), 1)
    drag = density * v2 * (a0 * (1 + 0.9 * b / (b + 0.04)) + a1 * x2 * (1 + 1.1 * x2**2))
    up = level(s.v, s.u) if control == "guided" else s.u
    right = right_of(s.v) if control == "guided" else np.cross(ahead, up, axis=0)
    down = np.array([[0.0], [0.0], [G]])
    return (thrust - drag) * ahead + G * s.ny * right + G * s.nz * up - down


def available(f, s):
    density = np.maximum(1 - s.p[2] / 42000, 0.02) ** 4
    return np.minimum(f.n_max, f.a[2] * density * (dot(s.v, s.v) + 1e-6))


def asked(f, s, commands, control):
    left = available(f, s)
    if control == "direct":
        share = np.where(commands[0] >= 0, 1.0, 0.4)
        return 0 * left, np.clip(share * commands[0] * f.n_max, -left, left)
    speed = np.sqrt(dot(s.v, s.v) + 1e-6)
    sin = s.v[2] / speed
    cos = np.sqrt(s.v[0] ** 2 + s.v[1] ** 2 + 1e-6) / speed
    nz = cos + speed / (1.2 * G) * (0.643 * commands[1] - sin)
    nz = np.clip(np.clip(nz, -0.4 * f.n_max, 0.7 * f.n_max), -left, left)
    side = np.sqrt(np.maximum(left**2 - nz**2, 1e-6))
    return np.clip(commands[0] * np.sqrt(f.n_max**2 - 1), -side, side), nz


def shorten(f, s):
    load = np.sqrt(np.maximum(s.ny**2 + s.nz**2, 1e-6))
    share = np.minimum(available(f, s), load) / load
    s.ny, s.nz = s.ny * share, s.nz * share


def attitude(s, v, commands, control, h):
    if control == "guided":
        return level(v, s.u)
    before, after = direction(s.v), direction(v)
    up = s.u - dot(s.u, after) / np.maximum(1 + dot(before, after), 1e-6) * (before + after)
    angle = np.pi * commands[1] * h
    return unit(np.cos(angle) * up + np.sin(angle) * np.cross(after, up, axis=0))


def level(v, kept):
    h2 = v[0] ** 2 + v[1] ** 2 + 1e-6
    up = np.stack([-v[0] * v[2], -v[1] * v[2], h2]) / np.sqrt((h2 + v[2] ** 2) * h2)
    return np.where(h2 > 0.01, up, kept)


def right_of(v):
    return np.stack([v[1], -v[0], 0 * v[0]]) / np.sqrt(v[0] ** 2 + v[1] ** 2 + 1e-6)


def direction(v):
    return v / np.sqrt(dot(v, v) + 1e-6)


def dot(a, b):
    return (a * b).sum(axis=0)


def unit(a):
    return a / np.sqrt(dot(a, a))


# --- What happens to those who flew ---------------------------------------------------------------


def pairs(motion):
    """From each slot to each: the way (3, N, N), its length, and the cosine off the one's nose."""
    p = np.stack([motion.x, motion.y, motion.z])
    nose = direction(np.stack([motion.vx, motion.vy, motion.vz]))
    way = p[:, None, :] - p[:, :, None]
    length = np.sqrt(dot(way, way) + 1e-6)
    return way, length, dot(way, nose[:, :, None]) / length


def crashed(f, before, after):
    """bool (N,), of the living."""
    m, alive = after.motion, before.alive
    out = (m.z < 0) | (m.z > f.ceiling) | (np.hypot(m.x, m.y) > f.radius)
    o = after.obstacles
    inside = np.hypot(m.x[:, None] - o.x, m.y[:, None] - o.y) < o.radius
    out |= (inside & (m.z[:, None] < o.height)).any(axis=1)
    d, _, _ = pairs(m)
    v = np.stack([m.vx, m.vy, m.vz])
    w = v[:, None, :] - v[:, :, None]
    t = np.clip(dot(d, w) / (dot(w, w) + 1e-3), 0, DT)
    nearest = np.sqrt(dot(d - t * w, d - t * w))
    others = alive[:, None] & alive & ~np.eye(len(alive), dtype=bool)
    return alive & (out | (others & (nearest < f.collision)).any(axis=1))


def detections(f, state, alive, team_a):
    """bool (N, N): who detects whom of the other team."""
    _, r, cos = pairs(state.motion)
    reach = (r < f.close) | ((cos > f.radar_cosine) & (r < f.radar[:, None]))
    other = team_a[:, None] != team_a
    return reach & other & alive[:, None] & alive & visible(state)


def visible(state):
    """bool (N, N): no cylinder stands between."""
    m, o = state.motion, state.obstacles
    clear = np.ones((len(m.x), len(m.x)), bool)
    for x, y, radius, height in zip(o.x, o.y, o.radius, o.height, strict=True):
        for i in range(len(m.x)):
            for j in range(len(m.x)):
                p = np.array([m.x[i] - x, m.y[i] - y])
                d = np.array([m.x[j] - m.x[i], m.y[j] - m.y[i]])
                a, b, c = d @ d + 1e-6, p @ d, p @ p - radius**2
                if b * b <= a * c:
                    continue
                root = np.sqrt(b * b - a * c)
                first, last = max((-b - root) / a, 0), min((-b + root) / a, 1)
                lowest = m.z[i] + (m.z[j] - m.z[i]) * np.array([first, last])
                clear[i, j] &= not (first < last and lowest.min() < height)
    return clear


def links(f, motion):
    """bool (N, N): near enough; of each team's own."""
    _, r, _ = pairs(motion)
    return (r < f.link) | np.eye(len(motion.x), dtype=bool)


def shots(f, motion, detected):
    """Hit points that each is about to lose, and the slot at which each fires, -1: none."""
    _, r, c = pairs(motion)
    aim = 0.25 + 0.75 * (c - f.gun_cosine) / (1 - f.gun_cosine)
    reach = f.gun_range[:, None]
    rate = 0.0 * r
    fires = detected & (r < reach) & (c > f.gun_cosine)
    full = (1 - (r / np.maximum(reach, 1)) ** 2) * aim * (0.2 + 0.4 * (1 - c.T))
    rate[fires] = (f.gun_rate[:, None] * full)[fires]
    target = np.where((rate > 0).any(axis=1), rate.argmax(axis=1), -1)
    chosen = np.arange(len(target)) == target[:, None]
    return (rate * chosen * DT).sum(axis=0), target


# --- Objectives: the terms of team A, its win and loss, and who is taken out ----------------------


def judge(config, f, before, after, damage, crash):
    """What the objective says of a step, all from the states before and after it."""
    name = type(config.objective).__name__
    a = np.arange(len(after.alive)) < config.team_a.own.stop
    facts = SimpleNamespace(
        config=config,
        f=f,
        before=before,
        after=after,
        damage=damage,
        crash=crash,
        alive=before.alive & ~crash & (before.hp - damage > 0),
        a=a,
        b=~a,
    )
    return {
        "Combat": combat,
        "Waypoint": waypoint,
        "Pursuit": pursuit,
        "Escort": escort,
        "Search": search,
    }[name](facts)


def fights(k, own, foe):
    """The terms of Combat that need no end."""
    gone = k.before.alive & ~k.alive
    return {
        "damage_dealt": k.damage[foe].sum() / k.f.hp[foe].sum(),
        "damage_taken": k.damage[own].sum() / k.f.hp[own].sum(),
        "kills": gone[foe].mean(),
        "losses": gone[own].mean(),
        "crashes": k.crash[own].mean(),
    }


def potential(motion, alive, own, foe):
    _, r, c = pairs(motion)
    worth = (c - c.T) / 2 * np.exp(-r / 4000)
    theirs = foe & alive
    if not theirs.any():
        return 0.0
    best = np.where(alive, worth[:, theirs].max(axis=1), 0.0)
    return best[own].mean()


def shaping(k, own, foe, over):
    now = 0.0 if over else potential(k.after.motion, k.alive, own, foe)
    return 0.99 * now - potential(k.before.motion, k.before.alive, own, foe)


def combat(k):
    flies = k.alive[k.a].any(), k.alive[k.b].any()
    win, lose = flies[0] and not flies[1], flies[1] and not flies[0]
    over = not all(flies)
    terms = fights(k, k.a, k.b) | {"win": win, "lose": lose}
    return terms | {"shaping": shaping(k, k.a, k.b, over)}, win, lose, over, k.alive


def escort(k):
    n = k.config.num_allies
    escorts = np.arange(len(k.alive)) < n
    m, task = k.after.motion, k.before.task
    near = np.hypot(m.x[n] - task.x, m.y[n] - task.y) < 600
    win = k.alive[n] and (near or not k.alive[k.b].any())
    lose = not k.alive[n]
    terms = fights(k, escorts, k.b) | {
        "arrival": win,
        "asset_lost": lose,
        "asset_damage": k.damage[n] / k.f.hp[n],
        "shaping": shaping(k, escorts, k.b, win or lose),
    }
    return terms, win, lose, win or lose, k.alive


def pursuit(k):
    _, r, c = pairs(k.after.motion)
    _, r_before, _ = pairs(k.before.motion)
    catches = (r < 600) & (c > 0.5) & (k.alive & k.a)[:, None] & (k.alive & k.b)
    caught = catches.any(axis=0)
    left = k.alive & ~caught
    win = not left[k.b].any()
    lose = not win and not k.alive[k.a].any()
    evading = k.before.alive & k.b

    def nearness(distance, flies):
        near = np.exp(-distance[:, evading].min(axis=1, initial=np.inf) / 4000)
        return np.where(flies, near, 0)[k.a].mean()

    terms = {
        "captures": caught[k.b].mean(),
        "win": win,
        "lose": lose,
        "closing": nearness(r, k.alive) - nearness(r_before, k.before.alive),
        "time": 1,
        "crashes": k.crash[k.a].mean(),
    }
    return terms, win, lose, win or lose, left


def waypoint(k):
    points = np.stack([k.before.task.x, k.before.task.y, k.before.task.z])

    def distance(motion):
        way = points[:, None, :] - np.stack([motion.x, motion.y, motion.z])[:, :, None]
        return np.sqrt(dot(way, way) + 1e-6)

    then, now = distance(k.before.motion), distance(k.after.motion)
    there = (now < 600) & k.alive[:, None]
    closer = np.where(k.alive, then.min(axis=1) - now.min(axis=1), 0)
    terms = {
        "hits": (there[k.a].sum(axis=0) >= k.config.objective.crew).sum(),
        "taken": (there[k.b].sum(axis=0) >= k.config.objective.crew).sum(),
        "progress": closer[k.a].mean() / 1000,
        "losses": (k.before.alive & ~k.alive)[k.a].mean(),
    }
    return terms, False, False, not k.alive[k.a].any(), k.alive


def search(k):
    side = 2 * k.f.radius / 12
    middles = (np.arange(12) - 5.5) * side
    x, y = (axis.ravel() for axis in np.meshgrid(middles, middles, indexing="ij"))
    x, y = x[inside := np.hypot(x, y) < k.f.radius], y[inside]
    m = k.after.motion
    sees = np.hypot(x[:, None] - m.x, y[:, None] - m.y) < 800
    seen = k.before.task | (sees & k.alive & (m.z < 4000)).any(axis=1)
    done = seen.mean() >= 0.95
    terms = {
        "found": (seen & ~k.before.task).mean(),
        "win": done,
        "losses": (k.before.alive & ~k.alive)[k.a].mean(),
    }
    return terms, done, False, done or not k.alive[k.a].any(), k.alive
