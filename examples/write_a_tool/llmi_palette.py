"""A tool with a kind of its own: colour palettes."""
import io

from PIL import Image as Pillow
from pydantic import BaseModel, ConfigDict

from llmi_agent.contract import BaseTool, Image, Produced, Provenance, ToolSpec, hookimpl

class Palette(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colours: list[str]

class Swatches(BaseTool):
    async def run(self, call, context):
        strip = Pillow.new("RGB", (200 * len(call.params.colours), 200))
        for number, colour in enumerate(call.params.colours):
            strip.paste(colour, (200 * number, 0, 200 * number + 200, 200))
        strip.save(png := io.BytesIO(), "PNG")
        return Produced((Image(png.getvalue(), Provenance("llmi-palette")),), usd=0.0)

@hookimpl
def llmi_tools():
    return [ToolSpec(name="palette", kind="palette", description="a strip of colours side by side.", load="llmi_palette:Swatches", params=Palette, example={"colours": ["navy", "#f4a261"]}, title="A warm pair")]
