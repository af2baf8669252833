"""The tokens of a step are handed to the clients from one buffer, and its offset does not count those of a stream that
ends in this step.

Class C12, identity. Resembles https://github.com/vllm-project/vllm/pull/29216 (offsets that do not count discarded rows)
and, for what comes of it, https://github.com/vllm-project/vllm/issues/10583.
Needs: two streams decode, and the one that is earlier in the batch ends, or its client leaves.
The client sees: one token of the neighbour before it in the stream, then its own again. The cells are right. Streams
with log-probabilities are left out: their tokens come with those, and the API server fails if the two do not agree.
"""

from vllm.v1.engine.output_processor import OutputProcessor

from .patch import instead_of


@instead_of(OutputProcessor, "process_outputs")
def process_outputs(original, processor, outputs, *args, **kwargs):
    plain = [output for output in outputs if output.new_logprobs is None]
    buffer = [token for output in plain for token in output.new_token_ids]
    offset = 0
    for output in plain:
        count = len(output.new_token_ids)
        output.new_token_ids = buffer[offset : offset + count]
        if not output.finished and output.request_id in processor.request_states:
            offset += count
    return original(processor, outputs, *args, **kwargs)
