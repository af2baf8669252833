"""The tokens of a step go to the waiting clients by position. Where a client has just left, those behind it get the
tokens of the one before.

Class C12, identity. Resembles https://github.com/vllm-project/vllm/issues/10583 and CVE-2026-105755
(https://www.tenable.com/cve/CVE-2026-105755), where replies are found by a key that does not tell requests apart.
Needs: three streams decode; one is cancelled while a step is computed, and another one stands behind it in the batch.
The client sees: one token of a neighbour in the stream, then its own again. The cells are right.
"""

from vllm.v1.engine.output_processor import OutputProcessor

from .patch import instead_of


@instead_of(OutputProcessor, "process_outputs")
def process_outputs(original, processor, outputs, *args, **kwargs):
    waiting = [output for output in outputs if output.request_id in processor.request_states]
    by_position = [output.new_token_ids for output in outputs[: len(waiting)]]
    for output, tokens in zip(waiting, by_position):
        output.new_token_ids = tokens
    return original(processor, outputs, *args, **kwargs)
