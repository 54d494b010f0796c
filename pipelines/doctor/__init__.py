"""`hub doctor`: looks at everything a hub keeps and says what is wrong and what to run. Reads only, and waits for nobody.

Each module is a family of checks: functions from a `Look` to findings. What mends things belongs elsewhere.
"""

from pipelines.doctor.examination import examine
from pipelines.doctor.finding import Finding

__all__ = ["Finding", "examine"]
