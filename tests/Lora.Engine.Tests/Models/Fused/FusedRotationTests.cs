using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Rotations in the hand-written step against autograd through the model's modules: of a part of each head, by the length of a text, several in one model.</summary>
public class FusedRotationTests
{
    private const string Family = "phi3";

    private const string LongRope = """{"type": "longrope", "short_factor": [1, 1.25, 1.5, 2], "long_factor": [2, 3, 5, 7]}""";

    [Theory]
    [InlineData(ScalarType.Float64, 1e-6)]
    [InlineData(ScalarType.Float32, 1e-5)]
    public void A_part_of_each_head_is_rotated_forward_and_back(ScalarType type, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(ChangedModel.Load(Family, type, ("partial_rotary_factor", "0.75")), FusedStepCase.Everything(Family));
        using ReferenceStep reference = new(run.Model);
        using FusedStep step = run.Fused();
        using FusedStep plain = run.Fused(new TorchKernels());
        Tensor expected = run.Gradients(reference);

        Assert.InRange(Closeness.Relative(run.Gradients(step), expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(run.Gradients(plain), expected), 0, tolerance);
    }

    [Theory]
    [InlineData(new[] { 50, 1e4, 50 })]
    [InlineData(new[] { 0, 1e4, 50 })]
    [InlineData(new[] { 0.0, 0, 0 })]
    public void Each_block_turns_by_its_own_rotation_or_by_none(double[] bases)
    {
        using DisposeScope scope = NewDisposeScope();
        CausalLanguageModel model = ChangedModel.Turned("llama3", ScalarType.Float64, bases);
        FusedStepCase run = new(model, FusedStepCase.Everything(model.Shape, 3));
        using ReferenceStep reference = new(run.Model);
        using FusedStep step = run.Fused();
        using FusedStep plain = run.Fused(new TorchKernels());
        Tensor expected = run.Gradients(reference);

        Assert.InRange(Closeness.Relative(run.Gradients(step), expected), 0, 1e-6);
        Assert.InRange(Closeness.Relative(run.Gradients(plain), expected), 0, 1e-6);
    }

    /// <summary>Of 5, 300, 1 and 40 tokens, the second is long, or all but one are longer than the model knows; Gemma 3 scales one of its rotations.</summary>
    [Theory]
    [InlineData(Family, "512", LongRope)]
    [InlineData("gemma3_text", "4", """{"rope_type": "dynamic", "factor": 2}""")]
    public void Each_document_is_rotated_as_it_is_when_it_is_a_batch_of_its_own(string family, string positions, string scaling)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(
            ChangedModel.Load(family, ScalarType.Float32, ("rope_scaling", scaling), ("max_position_embeddings", positions)), FusedStepCase.Everything(family));
        using FusedStep step = run.Fused();
        Tensor together = run.Gradients(step);
        using ReferenceStep reference = new(run.Model);
        run.Adapter.Arena.Gradients.zero_();
        foreach (TrainingExample example in run.Examples)
        {
            Batch alone = Batch.Of([example], padId: 0);
            reference.AddGradients(alone, SupervisedRows.Of(alone), 1.0 / run.Rows.Count);
        }

        Assert.InRange(Closeness.Relative(together, run.Adapter.Arena.Gradients), 0, 1e-5);
    }

    [Theory]
    [InlineData(64, "[1, 1.25, 1.5, 2]")]
    [InlineData(65, "[2, 3, 5, 7]")]
    public void A_sequence_is_rotated_by_the_factors_of_its_length(int tokens, string factors)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (string, string) Only(string list) => ("rope_scaling", $$"""{"type": "longrope", "short_factor": {{list}}, "long_factor": {{list}}}""");
        using CausalLanguageModel both = ChangedModel.Load(Family, ScalarType.Float32, ("rope_scaling", LongRope));
        using CausalLanguageModel one = ChangedModel.Load(Family, ScalarType.Float32, Only(factors));
        using CausalLanguageModel other = ChangedModel.Load(Family, ScalarType.Float32, Only("[1, 1, 1, 1]"));
        Tensor ids = randint(0, 100, [1, tokens], dtype: ScalarType.Int64, device: CPU);

        Assert.Equal(0, Closeness.Largest(both.call(ids), one.call(ids)));
        Assert.NotEqual(0, Closeness.Largest(both.call(ids), other.call(ids)));
    }
}
