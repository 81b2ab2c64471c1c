"""Advice about a drift: where to look first, by what drifts and by how many devices do."""

from __future__ import annotations

from dataclasses import replace

from edge.monitor.queries.reading import Filter, FleetRow, Reader

SHARED = 0.5
"""Share of the devices of a line from which on the cause is in what they share."""

LIGHT = "the lamp, the exposure time, daylight, and dirt in front of the lens"
COLOUR = "the lamp's colour, the white balance, and whether the parts or their material changed"
PLACES = {
    "brightness": LIGHT,
    "contrast": f"for fog or glare, {LIGHT}",
    "sharpness": "whether the lens is clean and in focus, vibration, and the speed of the belt",
    "noise": "whether there is too little light (a high gain), and the sensor's temperature",
    "saturation": COLOUR,
    "red": COLOUR,
    "green": COLOUR,
    "blue": COLOUR,
}
"""By feature of a picture: what usually moves it."""
MODEL = (
    "whether the line makes more of something, or something new; if it does not, have some of the pictures labelled "
    "(edge audit) to see whether the model errs more"
)
OTHER = "what changed on the line when it began"


def places(feature: str) -> str:
    """Places to check when this column drifts."""
    if feature == "predicted" or feature.startswith("score:"):
        return MODEL
    return PLACES.get(feature, OTHER)


def of_device(reader: Reader, row: FleetRow) -> str:
    """For a device that drifts: alone on its line, or as others do; empty when it does not drift."""
    if not row.drifted:
        return ""
    line, feature = Filter(site=row.site, line=row.line), row.feature or ""
    check = f"Check {places(feature)}."
    others = reader.summary(line).devices - 1
    same = reader.summary(replace(line, drifted=True, feature=feature)).devices - 1
    if others < 1:
        return check
    if same >= SHARED * others:
        return (
            f"{same} of the {others} others on its line drift in {feature} too, so look for what they share. {check}"
        )
    alone = "None" if same < 1 else f"Only {same}"
    found = f"{alone} of the {others} others on its line drift most in {feature}"
    return f"{found}, so look at this device first. {check}"


def of_many(reader: Reader, where: Filter) -> str:
    """For all that are asked for: the line that drifts as a whole, if there is one; empty when nothing drifts."""
    summary = reader.summary(where)
    if not summary.drifted or not summary.features:
        return ""
    check = f"Check {places(summary.features[0].name)}."
    whole = [(site, one) for site, one in summary.lines if one.devices > 1 and one.drifted >= SHARED * one.devices]
    if len(whole) == 1:
        site, line = whole[0]
        inside = f"{line.drifted} of the {line.devices} devices of {site or '–'} / {line.name or '–'} drift"
        return f"{inside}, so look for what they share. {check}"
    if whole:
        return f"{len(whole)} lines drift as a whole, so look for what these share. {check}"
    return f"No line drifts as a whole, so look at the devices themselves. {check}"
