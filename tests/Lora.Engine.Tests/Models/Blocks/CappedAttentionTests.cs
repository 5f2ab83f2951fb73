using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public class CappedAttentionTests
{
    [Theory]
    [InlineData("null", true)]
    [InlineData("1000000", true)]
    [InlineData("1.5", false)]
    public void A_cap_far_above_the_scores_is_none(string cap, bool isNone)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using CausalLanguageModel capped = ChangedModel.Load("gemma2", ScalarType.Float32, ("attn_logit_softcapping", cap));
        using CausalLanguageModel plain = ChangedModel.Load("gemma2", ScalarType.Float32, ("attn_logit_softcapping", "null"));
        Tensor ids = randint(0, 100, [2, 17], dtype: ScalarType.Int64, device: CPU); // more than the window of 6

        Assert.Equal(isNone, Closeness.Largest(capped.call(ids), plain.call(ids)) < 1e-5);
    }

    [Fact]
    public void Logits_stay_below_their_cap()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using CausalLanguageModel capped = ChangedModel.Load("gemma2", ScalarType.Float32, ("final_logit_softcapping", "0.25"));
        using CausalLanguageModel plain = ChangedModel.Load("gemma2", ScalarType.Float32, ("final_logit_softcapping", "null"));
        Tensor ids = randint(0, 100, [1, 5], dtype: ScalarType.Int64, device: CPU);

        Tensor logits = capped.call(ids);

        Assert.InRange(logits.abs().max().ToDouble(), 0, 0.25);
        Assert.InRange(Closeness.Largest(logits, plain.call(ids).Times(4).tanh().Times(0.25)), 0, 1e-6);
    }
}
