"""Where LiteLLM takes a provider's credentials from, read from its source and seen on the wire.

`tests/test_credentials.py` asks each provider of `BY_KEY` with a process full of other keys, and looks at what is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BY_KEY = frozenset(
    """
    abliteration ai21 ai21_chat aiand aiml amazon_nova anthropic anthropic_text apertis assemblyai
    azure_ai baseten bigmodel bytez cerebras charity_engine chutes clf_ai_gateway cloudflare codestral cognition cohere
    cohere_chat cometapi compactifai coralbricks cortecs custom_openai darkbloom dashscope datarobot deepinfra deepseek
    docker_model_runner edenai empiriolabs empower featherless_ai fireworks_ai friendliai galadriel gemini github
    gradient_ai groq helicone heroku hosted_vllm hostinger_router huggingface hyperbolic inception inferenceapis kyma
    lambda_ai langflow langgraph libertai litellm_proxy llamafile lm_studio maritalk meta meta_llama minimax mistral
    modelscope moonshot morph nadir nano-gpt nebius neosantara nlp_cloud novita nscale nvidia_nim openai opencode_go
    openinfer openrouter ovhcloud parasail perplexity pinstripes poe prism publicai qwen_ai_platform qwencloud refuseless
    reka replicate sail sambanova scaleway scx-ai snowflake streamlake synthetic tencent tensormesh
    text-completion-codestral text-completion-inception text-completion-openai together_ai v0 vercel_ai_gateway
    volcengine wally wandb xai xiaomi_mimo xinference zai zerogpu
    """.split()
)
"""Providers whose one credential is a key that a call may name: LiteLLM then looks for no other."""

LOCAL = frozenset(
    "docker_model_runner lemonade llamafile lm_studio ollama ollama_chat oobabooga triton xinference".split()
)
"""Servers of one's own, which mostly want no key."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    "azure_text": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    "bedrock": ("AWS_BEARER_TOKEN_BEDROCK",),
    "bedrock_mantle": ("BEDROCK_MANTLE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "cometapi": ("COMETAPI_KEY",),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "huggingface": ("HUGGINGFACE_API_KEY", "HF_TOKEN"),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "replicate": ("REPLICATE_API_TOKEN", "REPLICATE_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
    "volcengine": ("VOLCENGINE_API_KEY", "ARK_API_KEY"),
    "watsonx": ("WATSONX_API_KEY", "WATSONX_APIKEY"),
    "watsonx_text": ("WATSONX_API_KEY", "WATSONX_APIKEY"),
}
"""The variables of a provider's key, where they are not simply called after it."""


@dataclass(frozen=True)
class Account:
    """A provider whose credentials are more than a key, or which LiteLLM seeks elsewhere, too."""

    arguments: Mapping[str, tuple[str, ...]]
    """What a call may name, and the variables that hold it."""
    needs: tuple[tuple[str, ...], ...]
    """Any one of these sets of arguments is enough."""
    preferred: tuple[str, ...] = ()
    """Variables of the process that LiteLLM follows rather than a call's arguments."""


_REGION = ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION")
_AWS = {
    "aws_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "aws_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "aws_session_token": ("AWS_SESSION_TOKEN",),
    "aws_region_name": _REGION,
}
_SIGNED = ("aws_access_key_id", "aws_secret_access_key", "aws_region_name")
_OVER_SIGNED = (
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_PROFILE_NAME",
    "AWS_ROLE_NAME",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN",
)
_OVER_AZURE = tuple(
    f"AZURE_{name}"
    for name in "AD_TOKEN CLIENT_ID CLIENT_SECRET TENANT_ID USERNAME PASSWORD".split()
)
_AZURE = Account({"api_version": ("AZURE_API_VERSION",)}, (("api_key", "api_base"),), _OVER_AZURE)
_SAGEMAKER = Account(_AWS, (_SIGNED,), _OVER_SIGNED)
_VERTEX = Account(
    {
        "vertex_credentials": ("VERTEXAI_CREDENTIALS", "VERTEX_CREDENTIALS"),
        "vertex_project": ("VERTEXAI_PROJECT", "VERTEX_PROJECT"),
        "vertex_location": ("VERTEXAI_LOCATION", "VERTEX_LOCATION"),
    },
    (("vertex_credentials", "vertex_project", "vertex_location"),),
)
_WATSONX = Account(
    {
        "project_id": ("WATSONX_PROJECT_ID",),
        "space_id": ("WATSONX_DEPLOYMENT_SPACE_ID", "WATSONX_SPACE_ID"),
        "api_base": ("WATSONX_API_BASE", "WATSONX_URL"),
    },
    (("api_key", "api_base", "project_id"), ("api_key", "api_base", "space_id")),
    ("WATSONX_TOKEN", "WATSONX_ZENAPIKEY"),
)
_OLLAMA = Account({}, ((),), ("OLLAMA_API_KEY",))

ACCOUNTS: Mapping[str, Account] = {
    "azure": _AZURE,
    "azure_text": _AZURE,
    "bedrock": Account(_AWS, (("api_key", "aws_region_name"), _SIGNED), _OVER_SIGNED),
    "bedrock_mantle": Account(_AWS, (("api_key", "aws_region_name"),)),
    "databricks": Account(
        {}, (("api_key", "api_base"),), ("DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET")
    ),
    "gigachat": Account({}, (("api_key",),), ("GIGACHAT_ACCESS_TOKEN",)),
    "lemonade": Account({}, ((),), ("LEMONADE_API_KEY",)),
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "oobabooga": Account({}, (("api_base",),)),
    "sagemaker": _SAGEMAKER,
    "sagemaker_chat": _SAGEMAKER,
    "sagemaker_nova": _SAGEMAKER,
    "triton": Account({}, (("api_base",),)),
    "vertex_ai": _VERTEX,
    "vertex_ai_beta": _VERTEX,
    "watsonx": _WATSONX,
    "watsonx_text": _WATSONX,
}
