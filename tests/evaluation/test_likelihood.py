import numpy as np
import pytest
from linear_gaussian import linear_vae
from oracles import LinearGaussian
import tfvae
@pytest.mark.parametrize("full", [0,1])
@pytest.mark.parametrize("scale", ["fixed","pixel","image","shared"])
def test_a(float64, full, scale):
    s = LinearGaussian.random(orthogonal=not full)
    m = linear_vae(s, full=bool(full), decoder_scale=scale)
    x = s.draw(7)
    assert m.compute_dtype == "float64"
    np.testing.assert_allclose(m.log_likelihood(x, 3), s.log_evidence(x), rtol=1e-12)
    p = s.posterior()._replace(offset=np.ones(3))
    np.testing.assert_allclose(s.log_evidence(x)-s.gap(x,p), -s.rate(x,p)-s.distortion(x,p), rtol=1e-12)
