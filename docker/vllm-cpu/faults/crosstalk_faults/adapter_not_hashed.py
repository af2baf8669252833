"""The key of a block leaves the LoRA adapter out.

Class C4, a key that omits something. Resembles https://github.com/vllm-project/vllm/issues/44250 (LMCache's keys) and
https://github.com/vllm-project/vllm/pull/27211.
Needs: `--enable-lora`; the same tokens, at least a block, under two adapters or under one and the base model.
The client sees: cached_tokens above 0 where nothing can be cached, and cells that the other adapter computed.
"""

from vllm.v1.core import kv_cache_utils

from .patch import instead_of


@instead_of(kv_cache_utils, "_gen_lora_extra_hash_keys")
def lora_keys(original, request):
    return []
