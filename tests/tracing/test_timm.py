"""timm's models, the smallest of each of its modules: parameters and MACs are torch's to the last one, nothing is unexplained."""

from __future__ import annotations

import pytest

from cnncli.tracing.building import built
from tests.tracing.says import macs_by_torch, params_of, told

NAMES = """
    beit_base_patch16_224 halonet_h1 mobileone_s1 cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 test_convnext
    cpubone_nano crossvit_tiny_240 csatv2 cs3darknet_focus_s cspnext_tiny davit_tiny deepseek_vit_412m
    deit_tiny_patch16_224 densenet121 dla46x_c dpn48b edgenext_xx_small efficientformer_l1 efficientformerv2_s0
    efficientnet_b0 efficientvim_m1 efficientvit_b0 efficientvit_m0 eva02_tiny_patch14_224 fasternet_t0 fastvit_t8
    focalnet_tiny_srf gcvit_xxtiny gemma4_vit_167m ghostnet_050 hardcorenas_b hgnetv2_b0 hiera_tiny_224
    sam2_hiera_tiny hrnet_w18_small iformer_t inception_next_atto inception_resnet_v2 inception_v3 inception_v4
    lcnetv2_small levit_128s lowformer_b0 test_mambaout coatnet_pico_rw_224 poolformerv2_s12 gmlp_ti16_224
    mobilenetv3_small_050 mobilenetv5_base mobilevit_xxs mvitv2_tiny naflexvit_base_patch16_parfac_gap nasnetalarge
    nest_tiny nextvit_small nf_regnet_b0 pit_ti_224 pnasnet5large pvt_v2_b0 qwen3_vit_88m rdnet_tiny regnetx_002
    repghostnet_050 repvit_m1 res2next50 resnest14d resnet10t resnetv2_18 rexnet_100 selecsls42 legacy_seresnet18
    sequencer2d_s shvit_s1 skresnet18 starnet_s050 swiftformer_xs swin_tiny_patch4_window7_224
    swinv2_tiny_window16_256 swinv2_cr_tiny_224 tiny_vit_5m_224 tnt_s_legacy_patch16_224 tresnet_m twins_svt_small
    vgg11 visformer_tiny test_vit vit_tiny_r_s16_p8_224 test_vit_relpos samvit_base_patch16_224 vitamin_small_224
    volo_d1_224 ese_vovnet19b_slim_dw legacy_xception xception41p xcit_nano_12_p8_224
"""
FAMILIES = NAMES.split()
QUICK = {
    "crossvit_tiny_240",
    "edgenext_xx_small",
    "mobilenetv3_small_050",
    "test_convnext",
    "test_vit",
    "xcit_nano_12_p8_224",
}
"""Branches that meet, several attentions, squeezes; the others take two minutes and are slow tests."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FAMILIES]
)
def test_one_of_each_family(name: str) -> None:
    """Each at the size that it was trained at, in eval mode."""
    timm = pytest.importorskip("timm")
    if not timm.is_model(name):
        pytest.skip(f"timm {timm.__version__} has no {name}")
    module = built(lambda: timm.create_model(name))
    shape = module.pretrained_cfg["input_size"]
    found = told(module, shape)
    assert found.report.complete
    assert found.recording.device == "meta"
    assert found.report.totals.params == params_of(module)
    assert found.report.totals.macs == macs_by_torch(module, [shape])


def test_enough_families() -> None:
    """Names are each of another module of timm's."""
    assert len(set(FAMILIES)) >= 90
    assert set(FAMILIES) >= QUICK
