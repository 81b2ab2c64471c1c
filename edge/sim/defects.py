"""Defects of a cookie, as changes of its surface. Lengths in mm, angles in radians."""

from __future__ import annotations

import numpy as np

from edge.sim.surface import Points, Surface, crumbs
from edge.sim.texture import Plane

_CRUMB_BAKE = np.float32(0.2)  # the inside is paler than the crust


def crack(surface: Surface, rng: np.random.Generator) -> None:
    """One jagged crack from rim to rim near the middle, often with a branch."""
    line = _across(rng, surface.radius)
    widths = rng.uniform(0.6, 1.5) * _swelling(rng, len(line))
    shapes = [_ribbon(line, widths)]
    if rng.random() < 0.6:
        fork = int(rng.integers(len(line) // 4, 3 * len(line) // 4))
        branch = _branch(rng, line, fork, surface.radius)
        shapes.append(_ribbon(branch, np.linspace(widths[fork] * 0.8, 0.15, len(branch))))
    _open(surface, surface.mask(shapes))


def burn(surface: Surface, rng: np.random.Generator, mottle: Plane) -> None:
    """Too dark all over, charred at the rim and in patches. ``mottle``: P×P noise of deviation 1."""
    patches = np.clip(mottle * np.float32(0.8) - np.float32(rng.uniform(-0.1, 0.5)), 0, 1)
    char = np.clip(surface.reach * surface.reach * surface.reach, 0, 1)
    surface.bake += np.float32(rng.uniform(0.1, 0.27))
    surface.bake += np.float32(rng.uniform(0.1, 0.25)) * char
    surface.bake += np.float32(rng.uniform(0.15, 0.3)) * patches


def break_off(surface: Surface, rng: np.random.Generator) -> None:
    """A piece is missing: bitten off, or snapped off along a jagged line; crumbs lie where it was."""
    direction = rng.uniform(0, 2 * np.pi)
    shapes = _bites(rng, surface.radius, direction) if rng.random() < 0.5 else [_snap(rng, surface.radius, direction)]
    gone = surface.mask(shapes)
    near = surface.soften(gone, 1.1)
    inside = np.clip(near * 2.2, 0, 1) * (1 - gone)
    surface.bake += inside * (_CRUMB_BAKE - surface.bake) * np.float32(0.8)
    surface.height -= near * np.float32(3)
    surface.cover *= 1 - gone
    crumbs(surface, rng, int(rng.integers(5, 14)), direction, 0.6)


def _across(rng: np.random.Generator, radius: float) -> Points:
    """N×2: a jagged chord, not far from the centre."""
    direction, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.35, 0.35) * radius
    middle, half = _unit(direction + np.pi / 2) * offset, 1.02 * np.sqrt(radius**2 - offset**2)
    return _jagged(rng, middle - half * _unit(direction), middle + half * _unit(direction), 2.6)


def _branch(rng: np.random.Generator, line: Points, fork: int, radius: float) -> Points:
    """N×2: from point ``fork`` of a crack askew to one side."""
    along = line[-1] - line[0]
    direction = np.arctan2(along[1], along[0]) + rng.choice([-1, 1]) * rng.uniform(0.6, 1.1)
    return _jagged(rng, line[fork], line[fork] + radius * rng.uniform(0.4, 0.7) * _unit(direction), 1.6)


def _jagged(rng: np.random.Generator, start: Points, end: Points, roughness: float) -> Points:
    """N×2: a broken line between two points, by midpoint displacement (Fournier, Fussell and Carpenter, 1982)."""
    points = np.stack([start, end])
    for _ in range(5):
        steps = np.diff(points, axis=0)
        middles = points[:-1] + steps * rng.uniform(0.4, 0.6, (len(steps), 1))
        middles += roughness * rng.standard_normal(middles.shape)
        roughness *= 0.55
        points = np.insert(points, np.arange(1, len(points)), middles, axis=0)
    return points


def _open(surface: Surface, gap: Plane) -> None:
    """Sinks a crack into the surface: dark at the bottom, its lips a little raised and paler."""
    lips = surface.soften(gap, 0.8)
    surface.bake += (lips - gap) * np.float32(-0.1)
    surface.height += lips * np.float32(0.8)
    surface.height -= gap * np.float32(1.6)
    surface.bake += gap * (np.float32(0.93) - surface.bake)
    surface.chocolate *= 1 - gap * np.float32(0.7)


def _swelling(rng: np.random.Generator, count: int) -> Points:
    """Widths along a crack: widest inside, thin at the ends, uneven."""
    profile = 0.35 + 0.65 * np.sin(np.linspace(0.15, np.pi - 0.15, count))
    return np.asarray(profile * rng.uniform(0.6, 1.25, count))


def _ribbon(line: Points, widths: Points) -> Points:
    """The outline of a line (N×2) whose width (N) varies."""
    tangents = np.gradient(line, axis=0)
    normals = np.column_stack([-tangents[:, 1], tangents[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    sides = normals * widths[:, None] / 2
    return np.concatenate([line + sides, (line - sides)[::-1]])


def _bites(rng: np.random.Generator, radius: float, direction: float) -> list[Points]:
    """Overlapping round bites at the rim, each one N×2."""
    shapes = []
    for turn in np.array([-0.34, 0.0, 0.34]) * rng.uniform(0.8, 1.2):
        distance, size = radius * rng.uniform(0.8, 1.0), radius * rng.uniform(0.26, 0.44)
        centre = distance * _unit(direction + turn)
        angles = np.linspace(0, 2 * np.pi, 40)
        teeth = size * (1 + 0.03 * rng.standard_normal(40))
        shapes.append(centre + np.column_stack([teeth * np.cos(angles), teeth * np.sin(angles)]))
    return shapes


def _snap(rng: np.random.Generator, radius: float, direction: float) -> Points:
    """N×2: everything beyond a jagged line, or within a jagged wedge."""
    outward, opening = _unit(direction), rng.uniform(0.6, 1.2)
    apex = outward * radius * rng.uniform(0.1, 0.5)
    left, right = (_unit(direction + turn * opening) * radius * 1.15 for turn in (-1, 1))
    edge = np.concatenate([_jagged(rng, left, apex, 1.8), _jagged(rng, apex, right, 1.8)])
    return np.concatenate([edge, [right + outward * radius, left + outward * radius]])


def _unit(angle: float) -> Points:
    return np.array([np.cos(angle), np.sin(angle)])
