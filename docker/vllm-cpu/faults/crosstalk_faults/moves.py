"""Which rows of the persistent batch move when requests leave it."""

from collections.abc import Callable

from vllm.v1.worker.gpu_input_batch import InputBatch


def condense(original: Callable[[InputBatch], None], batch: InputBatch) -> list[tuple[int, int]]:
    """Condenses `batch` as vLLM does. The moves it made: (row before, row after), in their order."""
    moved = batch.batch_update_builder.moved
    before = len(moved)
    original(batch)
    return [(source, target) for source, target, _ in moved[before:]]
