"""Composition: which layers a scene has, and in which order they are painted."""

from __future__ import annotations

import numpy as np
from PIL import Image

from llmi_sketch import abstract, buildings, land, motifs, network, sky, space, trees, weather
from llmi_sketch.canvas import Canvas
from llmi_sketch.city import paint_city
from llmi_sketch.finish import finish
from llmi_sketch.noise import Floats, Rng, line
from llmi_sketch.palette import Palette, palette_of
from llmi_sketch.water import paint_water
from llmi_sketch.words import Scene


def paint(scene: Scene) -> Image.Image:
    """The finished picture, badge and all. The same scene always gives the same pixels."""
    rng = np.random.default_rng(scene.seed)
    canvas, palette = Canvas(scene.size), palette_of(scene)
    if "space" in scene.places:
        space.paint_space(canvas, scene, palette, rng)
    elif scene.places:
        Landscape(canvas, scene, palette, rng).paint()
    elif "network" in scene.motifs and "data" not in scene.motifs:
        network.paint_network(canvas, scene, palette, rng)
    else:
        abstract.paint_abstract(canvas, scene, palette, rng)
    return finish(canvas, scene, rng)


class Landscape:
    """A scene with a sky and a ground, painted from back to front."""

    def __init__(self, canvas: Canvas, scene: Scene, palette: Palette, rng: Rng) -> None:
        self.canvas, self.scene, self.palette, self.rng = canvas, scene, palette, rng
        self.places, self.motifs = set(scene.places), set(scene.motifs)
        self.water = bool({"sea", "lake"} & self.places)
        self.horizon = canvas.height * self._horizon_share()
        self.light_x = sky.sun_place(scene, canvas, self.horizon)[0] / canvas.width
        self.ground: Floats = np.full(canvas.width, canvas.height * 0.9, np.float32)
        """The profile that single things stand on."""

    def paint(self) -> None:
        """All of it."""
        sky.paint_sky(self.canvas, self.scene, self.palette, self.rng, self.horizon)
        if self.scene.weather == "storm":
            weather.paint_lightning(self.canvas, self.palette, self.rng, self.horizon)
        if "birds" in self.motifs or self.scene.seed % 3 == 0:
            motifs.paint_birds(self.canvas, self.palette, self.rng, self.horizon)
        self._back()
        self._middle()
        self._front()
        self._things()
        self._weather()

    def _horizon_share(self) -> float:
        if self.water or "cloudsea" in self.places:
            return 0.64
        if "city" in self.places:
            return 0.84
        return 0.68 if {"mountains", "forest"} & self.places else 0.56

    def _back(self) -> None:
        """Mountains, or low hills far away."""
        args = (self.canvas, self.scene, self.palette, self.rng)
        if "mountains" in self.places:
            share = 0.92 if "city" in self.places and not self.water else 1.0
            land.paint_mountains(*args, self.horizon * share, self.light_x)
        elif not {"sea", "desert", "cloudsea"} & self.places:
            self._far_hills()

    def _far_hills(self) -> None:
        for share, depth in ((0.1, 0.84), (0.05, 0.66)):
            bumps = line(self.rng, self.canvas.width, 4.5, 3, 0.4)
            profile = self.horizon - self.horizon * share * (1.0 + 0.7 * bumps)
            self.canvas.below(profile, self.palette.at((0.3, 0.46, 0.46), depth))

    def _middle(self) -> None:
        """What stands at the horizon, and the water before it."""
        canvas, scene, palette, rng = self.canvas, self.scene, self.palette, self.rng
        if self.water and ({"forest", "hills", "field"} & self.places or "lake" in self.places):
            self._far_shore()
        if "city" in self.places:
            base = self.horizon if self.water else canvas.height * 0.97
            paint_city(
                canvas, scene, palette, rng, base, canvas.height * (0.42 if self.water else 0.6)
            )
        if "bridge" in self.motifs:
            buildings.paint_bridge(canvas, palette, self.horizon + canvas.unit * 8)
        if self.water:
            covered = scene.weather in ("rain", "storm", "fog", "snow")
            column = None if covered else self.light_x * canvas.width
            paint_water(
                canvas, palette, rng, self.horizon, 1.0 if "lake" in self.places else 0.55, column
            )

    def _far_shore(self) -> None:
        canvas = self.canvas
        for depth, height in ((0.55, 46), (0.32, 34)):
            bumps = line(self.rng, canvas.width, 3.2, 2, 0.4)
            ground = (self.horizon - canvas.unit * (10 + 18 * (1 + bumps))).astype(np.float32)
            trees.plant(
                canvas,
                self.scene,
                self.palette,
                self.rng,
                ground,
                canvas.unit * height,
                depth,
                0.24,
            )
            canvas.below(ground, self.palette.at((0.12, 0.32, 0.29), depth))

    def _front(self) -> None:
        """The ground that one stands on."""
        canvas, _scene, palette, rng = self.canvas, self.scene, self.palette, self.rng
        if "cloudsea" in self.places:
            land.paint_cloud_sea(canvas, palette, rng, self.horizon)
        elif self.water:
            self._headland()
        elif "desert" in self.places:
            land.paint_dunes(canvas, palette, rng, self.horizon, self.light_x)
        elif "city" not in self.places:
            self._country()
        else:
            self._street()

    def _country(self) -> None:
        canvas, scene, palette, rng = self.canvas, self.scene, self.palette, self.rng
        top = self.horizon * (0.98 if "mountains" in self.places else 1.0)
        if "forest" in self.places:
            trees.paint_forest(canvas, scene, palette, rng, top, canvas.height * 1.02)
            self.ground = np.full(canvas.width, canvas.height * 0.97, np.float32)
            return
        profiles = land.paint_hills(canvas, scene, palette, rng, top)
        for profile, height, depth in ((profiles[1], 30, 0.5), (profiles[2], 44, 0.3)):
            trees.plant(
                canvas, scene, palette, rng, profile, canvas.unit * height, depth, 0.9, 0.55
            )
        self.ground = profiles[-2]
        if "field" in self.places and "flowers" not in self.motifs:
            land.paint_rows(canvas, palette, rng, canvas.height * 0.8, land.grass(scene)[0])
        if "flowers" in self.motifs:
            trees.paint_flowers(canvas, palette, rng, canvas.height * 0.78)

    def _headland(self) -> None:
        """A dark corner with trees frames the water."""
        canvas, rng = self.canvas, self.rng
        side = -1 if self.light_x > 0.5 else 1
        share = canvas.columns[0] / canvas.width
        share = share if side < 0 else 1 - share
        rise = np.clip(1 - share / rng.uniform(0.42, 0.6), 0, 1) ** 1.4
        if "beach" in self.motifs:
            self.ground = land.paint_beach(canvas, self.palette, rng, rise.astype(np.float32))
            for place, tall in ((0.1, 380.0), (0.19, 290.0)):
                foot = (canvas.width * (place if side < 0 else 1 - place), canvas.height * 0.95)
                motifs.paint_palm(canvas, self.palette, rng, foot, canvas.unit * tall)
            return
        bumps = line(rng, canvas.width, 5, 3, 0.4) * canvas.unit * 12 * (rise > 0)
        self.ground = (canvas.height * (1.03 - 0.2 * rise) + bumps).astype(np.float32)
        self.canvas.below(self.ground, self.palette.at((0.13, 0.28, 0.27), 0.04))
        if "lighthouse" in self.motifs or "city" in self.places:
            return
        trees.plant(
            canvas, self.scene, self.palette, rng, self.ground, canvas.unit * 165, 0.05, 0.3
        )

    def _street(self) -> None:
        canvas = self.canvas
        bumps = line(self.rng, canvas.width, 2.5, 2, 0.3)
        self.ground = (canvas.height * 0.95 + bumps * canvas.unit * 10).astype(np.float32)
        trees.plant(
            canvas,
            self.scene,
            self.palette,
            self.rng,
            self.ground,
            canvas.unit * 74,
            0.04,
            0.42,
            0.8,
        )
        canvas.below(self.ground, self.palette.at((0.12, 0.26, 0.26), 0.02))

    def _things(self) -> None:
        canvas, scene, palette, rng = self.canvas, self.scene, self.palette, self.rng
        unit = canvas.unit
        if "lighthouse" in self.motifs:
            place = 0.2 if self.light_x > 0.5 else 0.8
            buildings.paint_lighthouse(
                canvas, scene, palette, (canvas.width * place, canvas.height * 0.84), unit * 360
            )
        if "house" in self.motifs and "city" not in self.places:
            buildings.paint_house(canvas, scene, palette, self._foot(0.36, unit * 14), unit * 74)
        if "tree" in self.motifs:
            motifs.paint_tree(canvas, scene, palette, rng, self._foot(0.68, unit * 30), unit * 330)
        if "boat" in self.motifs and self.water:
            motifs.paint_boat(
                canvas,
                palette,
                (
                    canvas.width * (0.58 if self.light_x < 0.5 else 0.4),
                    self.horizon + (canvas.height - self.horizon) * 0.4,
                ),
                unit * 84,
            )
        if "people" in self.motifs:
            motifs.paint_people(canvas, palette, rng, self._foot(0.56, unit * 16), unit * 74)
        if "balloon" in self.motifs:
            motifs.paint_balloons(canvas, palette, rng, self.horizon)

    def _foot(self, share: float, sink: float) -> tuple[float, float]:
        column = int(self.canvas.width * share)
        return float(column), min(float(self.ground[column]) + sink, self.canvas.height * 0.97)

    def _weather(self) -> None:
        canvas, scene, palette, rng = self.canvas, self.scene, self.palette, self.rng
        strength = {
            "fog": 0.92,
            "rain": 0.4,
            "snow": 0.4,
            "storm": 0.3,
            "cloudy": 0.2,
            "clear": 0.0,
        }
        if strength[scene.weather]:
            weather.paint_fog(canvas, scene, palette, rng, self.horizon, strength[scene.weather])
        if scene.weather in ("rain", "storm"):
            weather.paint_rain(canvas, palette, rng)
        if scene.weather == "snow":
            weather.paint_snow(canvas, rng)
