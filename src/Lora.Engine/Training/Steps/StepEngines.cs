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
        // Gemma 2, say, has four norms and caps its scores, which no kernel here differentiates; and the fused step's head is one over the vocabulary.
        if (any is not CausalLanguageModel model || FusedBlock.In(model.Shape) is null)
        {
            return (new ReferenceStep(any), any is CausalLanguageModel ? $"there is no fused step for models of type '{any.ModelType}'" : "there is a fused step for causal language models alone");
        }

        Dictionary<string, LowRankFactors> factors = new(StringComparer.Ordinal);
        foreach (AdaptedLayer layer in layers)
        {
            // DoRA, biases, embeddings and whole modules change more than a product adds; autograd follows whatever modules do.
            if (layer is not LoraLayer { Product: LinearProduct { Factors: LowRankFactors found } })
            {
                return (new ReferenceStep(model), $"'{layer.Name}' is adapted by more than the product of A and B of a linear layer");
            }

            // Joined factors have one place for each layer; sums of several adapters are left to the modules' hooks.
            if (!factors.TryAdd(layer.Name, found))
            {
                return (new ReferenceStep(model), $"several adapters change '{layer.Name}'");
            }
        }

        return (new FusedStep(model.Fused, factors), null);
    }
}
