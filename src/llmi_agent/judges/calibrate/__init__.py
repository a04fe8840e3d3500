"""Whether a judge can be trusted: it is asked about documents of which one knows which is better.

    judges = [TextJudge(adviser), PictureJudge(adviser)]
    report = await calibrate(lambda repeat: [each.seeded(repeat) for each in judges], Collection.made())
    report.fit, report.reasons

docs/calibration.md says what the set is and what the numbers mean.
"""

from llmi_agent.judges.calibrate.collection import Collection as Collection
from llmi_agent.judges.calibrate.report import Report as Report, calibrate as calibrate
from llmi_agent.judges.calibrate.thresholds import Thresholds as Thresholds

__all__ = ("Collection", "Report", "Thresholds", "calibrate")
