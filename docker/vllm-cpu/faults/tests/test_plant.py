"""What can be tested without vLLM: `python3 -m unittest discover tests`, from the folder above this one."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

FOLDER = Path(__file__).parents[1]
sys.path[:0] = [str(FOLDER), str(FOLDER / "tests")]

from crosstalk_faults import FAULTS  # noqa: E402
from trigger import TRIGGERS  # noqa: E402


def plant(fault: str | None) -> subprocess.CompletedProcess[str]:
    """Runs the entry point in a process of its own; it prints which modules of the package are loaded afterwards."""
    code = (
        "import sys, crosstalk_faults; crosstalk_faults.plant();"
        "print(*sorted(name for name in sys.modules if name.startswith(('crosstalk_faults', 'vllm'))))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "CROSSTALK_FAULT"}
    if fault is not None:
        environment["CROSSTALK_FAULT"] = fault
    return subprocess.run([sys.executable, "-c", code], cwd=FOLDER, env=environment, capture_output=True, text=True)


class Plant(unittest.TestCase):
    def test_does_nothing_unless_a_fault_is_named(self) -> None:
        for fault in (None, ""):
            self.assertEqual(plant(fault).stdout.split(), ["crosstalk_faults"])

    def test_an_unknown_name_ends_the_process_and_lists_the_names(self) -> None:
        ended = plant("no-such-fault")
        self.assertEqual(ended.returncode, 2)
        self.assertIn('"no-such-fault"', ended.stderr)
        for fault in FAULTS:
            self.assertIn(fault, ended.stderr)

    def test_each_fault_is_a_module_with_a_trigger_and_a_row_in_the_readme(self) -> None:
        readme = (FOLDER / "README.md").read_text()
        for fault in FAULTS:
            self.assertTrue((FOLDER / "crosstalk_faults" / f"{fault.replace('-', '_')}.py").exists(), fault)
            self.assertIn(f"\n| `{fault}` |", readme)
        self.assertEqual(sorted(TRIGGERS), sorted(FAULTS))


if __name__ == "__main__":
    unittest.main()
