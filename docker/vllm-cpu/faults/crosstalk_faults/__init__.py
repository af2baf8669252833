"""One planted bug for vLLM, chosen by the environment variable CROSSTALK_FAULT. See the README beside this package.

A fault is a module of this package, and importing it plants it. So vLLM, which loads its plug-ins in every process and
may do so twice, gets each fault once, and no module but the chosen one is ever loaded.
"""

import importlib
import os
import sys

FAULTS = (
    "abort-frees-shared",
    "adapter-not-hashed",
    "adapter-row-left",
    "block-row-left",
    "count-one-block-over",
    "evicts-referenced",
    "logprobs-by-rank",
    "mask-row-copied",
    "mask-row-left",
    "output-by-offset",
    "parent-not-hashed",
    "partial-block-published",
    "salt-not-hashed",
    "slots-of-old-row",
    "stale-computed-count",
    "tokens-by-schedule",
)


def plant() -> None:
    """The entry point. Does nothing if no fault is named; ends the process with status 2 if there is none of that name."""
    name = os.environ.get("CROSSTALK_FAULT", "")
    if not name:
        return
    if name not in FAULTS:
        sys.stderr.write(f'CROSSTALK_FAULT: no fault is called "{name}". There are: {", ".join(FAULTS)}\n')
        sys.exit(2)
    importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
