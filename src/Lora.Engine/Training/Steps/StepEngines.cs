using Lora.Adapters;
using Lora.Models;

namespace Lora.Training;

/// <summary>Gives a step engine, which the caller disposes, and why it is autograd; null when it is not.</summary>
internal delegate (IStepEngine Engine, string? Reason) ChooseEngine(TaskModel model, IEnumerable<AdaptedLayer> layers);

/// <summary>Chooses how gradients are computed.</summary>
internal static class StepEngines
{
    /// <summary>The fused step where it computes the same as autograd, else autograd.</summary>
    /// <param name="any">The model.</param>
    /// <param name="layers">All layers that are on it.</param>
    /// <returns>The engine, which the caller disposes, and why it is autograd; null when it is not.</returns>
    public static (IStepEngine Engine, string? Reason) Choose(TaskModel any, IEnumerable<AdaptedLayer> layers)
    {
        // Mixtral, say, chooses experts for each token, which no kernel here differentiates; and the fused step's head is one over the vocabulary.
        if (any is not CausalLanguageModel model || FusedBlock.In(model.Shape) is null)
        {
            return (new ReferenceStep(any), any is CausalLanguageModel ? $"there is no fused step for models of type '{any.ModelType}'" : "there is a fused step for causal language models alone");
        }

        (IReadOnlyDictionary<string, LowRankFactors>? factors, string? reason) = LinearFactors.Of(layers);
        return factors is null ? (new ReferenceStep(model), reason) : (new FusedStep(model.Fused, factors), null);
    }
}
