"""Probes of the Hessian of the training loss."""

from __future__ import annotations

import torch
from torch import Tensor

from lab_core import curvature
from lab_core.models import stream
from lab_core.probes.base import Columns, Moment


def sharpness(m: Moment) -> Columns:
    """Top Hessian eigenvalue of the training loss with its residual, and the optimizer's threshold.

    Where the optimizer divides by P, also the effective sharpness, the top eigenvalue of
    P^-1 (H + coupled decay), whose threshold this then is. `ratio` is the curvature that decides,
    divided by its threshold.
    """
    raw = m.top("sharpness", m.hvp)
    out = {"sharpness": raw.values[:, 0], "residual": raw.residual[:, 0]}
    deciding = out["sharpness"]
    p = m.optimizer.preconditioner(m.w, m.filtered, m.state)
    if p is not None:
        root, decay = p.rsqrt(), m.optimizer.weight_decay if m.optimizer.coupled else 0.0

        def preconditioned(v: Tensor) -> Tensor:
            u = root * v
            return root * (m.hvp(u) + decay * u)

        found = m.top("effective_sharpness", preconditioned)
        deciding = out["effective_sharpness"] = found.values[:, 0]
        out["effective_residual"] = found.residual[:, 0]
    limit = m.optimizer.stability_threshold() / m.filter.gain()
    threshold = torch.as_tensor(limit, dtype=m.w.dtype)
    out["threshold"] = threshold.reshape(-1).to(m.w).expand(len(m.w))
    return out | {"ratio": deciding / out["threshold"]}


def eigenvalues(m: Moment) -> Columns:
    """The five largest Hessian eigenvalues."""
    values = m.top("eigenvalues", m.hvp, k=5).values
    return {f"eigenvalue_{i + 1}": values[:, i] for i in range(values.shape[1])}


def spectrum(m: Moment) -> Columns:
    """The spectral density of the Hessian; `arrays["spectrum"]` holds the newest."""
    m.arrays["spectrum"] = curvature.spectral_density(m.hvp, m.w, stream("spectrum", m.t))
    return {}


def trace(m: Moment) -> Columns:
    """tr H by Hutchinson's estimate, and its standard error."""
    estimate, error = curvature.trace(m.hvp, m.w, stream("trace", m.t))
    return {"trace": estimate, "trace_error": error}
