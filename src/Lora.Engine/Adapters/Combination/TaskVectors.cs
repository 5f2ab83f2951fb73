using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Combines tensors of one shape, as a method says: drop values of each, elect a sign, add or take the mean.</summary>
/// <param name="options">The method, the density and the way to elect a sign.</param>
/// <param name="generator">Decides what is dropped at random.</param>
internal sealed class TaskVectors(CombinationOptions options, Generator generator)
{
    /// <summary>The combination of the tensors with their weights.</summary>
    public Tensor Combine(IReadOnlyList<Tensor> tensors, IReadOnlyList<double> weights)
    {
        Tensor stacked = stack([.. tensors.Select(Prune)]); // [adapters, ...]
        Tensor factors = tensor(weights.Select(weight => (float)weight).ToArray(), device: stacked.device)
            .view([-1, .. Enumerable.Repeat(1L, (int)stacked.dim() - 1)]); // [adapters, 1, ...]
        Tensor weighted = stacked * factors;
        return options.Method.ElectsSign() ? MeanOfMajority(stacked, weighted) : weighted.sum(dim: 0);
    }

    private Tensor Prune(Tensor values) => (options.Method, options.Density) switch
    {
        (_, null or 1) => values,
        ({ } method, double density) when method.DropsAtRandom() =>
            // DARE: what is kept is scaled up, so that the expectation stays.
            values * rand(values.shape, device: values.device, generator: generator).IsBelow(density).to(values.dtype).Times(1 / density),
        ({ } method, double density) when method.DropsSmallest() => Largest(values, density),
        _ => values,
    };

    /// <summary>The largest share of the values by their absolute; the others zero.</summary>
    private static Tensor Largest(Tensor values, double density)
    {
        Tensor flat = values.flatten();
        // As many as PEFT keeps, which rounds down.
        Tensor kept = flat.abs().topk((int)(density * flat.numel())).indexes;
        return zeros_like(flat).index_copy(0, kept, flat.index_select(0, kept)).view(values.shape);
    }

    /// <summary>The mean of the weighted values whose sign is the majority's, zero where there is none (the disjoint mean of TIES).</summary>
    private Tensor MeanOfMajority(Tensor values, Tensor weighted)
    {
        Tensor signs = values.sign(); // [adapters, ...]
        Tensor votes = options.MajoritySign == MajoritySign.Total ? values.sum(dim: 0) : signs.sum(dim: 0);
        Tensor majority = votes.IsAtLeast(0).to(values.dtype).Times(2).Plus(-1); // a tie counts as positive, as in PEFT
        Tensor agrees = signs.eq(majority).to(values.dtype); // [adapters, ...]
        // Where none agrees the sum is zero, and so is the mean.
        return (weighted * agrees).sum(dim: 0) / agrees.sum(dim: 0).AtLeast(1);
    }
}
