using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Linear layers that share an input x, with their adapters, as vector code has them: y = g ⊙ (x Wᵀ + s (x Aᵀ) Bᵀ) + b + c.</summary>
internal sealed unsafe class DirectProduct<TLanes, TElement> : IDisposable
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    private readonly TElement* weight;
    private readonly FourBitRows? codes; // in place of the weight
    private readonly TElement* bias;
    private readonly LowRankPart[] parts;
    private readonly OutputChange? change;
    private readonly float* scale; // g and b + c, where there are any but b
    private readonly float* shift;

    /// <param name="frozen">The base layers, with numbers or with 4-bit codes (<see cref="FourBitRows.Serves"/>); their memory, and that of the adapters, has to stay for as long as this is used.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    public DirectProduct(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors)
    {
        (Outputs, Inputs) = (frozen.Shape[0], frozen.Shape[1]);
        codes = frozen.Matrices.Count > 0 ? new(frozen.Matrices) : null;
        weight = codes is null ? (TElement*)TensorMemory.Address(frozen.Values()) : null;
        bias = frozen.Bias is Tensor values ? (TElement*)TensorMemory.Address(values) : null;
        change = OutputChange.Of(frozen, factors);
        if (change is not null)
        {
            scale = (float*)TensorMemory.Address(change.Scale);
            shift = (float*)TensorMemory.Address(change.Shift!);
        }

        List<LowRankPart> found = [];
        long first = 0;
        foreach ((long outputs, LowRankFactors? own) in frozen.Outputs.Zip(factors))
        {
            if (own is { Rank: > 0 })
            {
                found.Add(new(first, outputs, own.Down, own.Up, (float)own.Scaling));
            }

            if (own?.Start is (Tensor down, Tensor up))
            {
                // What the product was at its start is the base's own, which was changed by it.
                found.Add(new(first, outputs, down, up, -(float)own.Scaling));
            }

            first += outputs;
        }

        parts = [.. found];
    }

    /// <summary>Values of y.</summary>
    public long Outputs { get; }

    /// <summary>Values of x.</summary>
    public long Inputs { get; }

    /// <summary>Values of x Aᵀ of all adapters.</summary>
    public int Rank => parts.Sum(part => part.Rank);

    /// <summary>x Aᵀ, one vector's values after the other's.</summary>
    /// <param name="x">[vectors, in].</param>
    /// <param name="vectors">How many.</param>
    /// <param name="low">[vectors, rank]; written.</param>
    public void Reduce(float* x, int vectors, float* low)
    {
        int first = 0;
        foreach (LowRankPart part in parts)
        {
            DotProducts<TLanes, SingleElement>.Rows(part.Down, Inputs, x, vectors, low + first, Rank, 0, part.Rank);
            first += part.Rank;
        }
    }

    /// <summary>Some of the outputs.</summary>
    /// <param name="x">[vectors, in].</param>
    /// <param name="vectors">How many.</param>
    /// <param name="own">The thread's own: x Aᵀ of <see cref="Reduce"/>, and room for what products make.</param>
    /// <param name="y">[vectors, out]; written from begin to end.</param>
    /// <param name="begin">The first output.</param>
    /// <param name="end">The one after the last.</param>
    public void Multiply(float* x, int vectors, WorkerBuffers own, float* y, long begin, long end)
    {
        if (codes is null)
        {
            DotProducts<TLanes, TElement>.Rows(weight, Inputs, x, vectors, y, Outputs, begin, end);
        }

        codes?.Multiply<TLanes>(x, vectors, own, y, Outputs, begin, end);

        for (int vector = 0; vector < vectors; vector++)
        {
            float* outputs = y + (vector * Outputs);
            for (long output = begin; change is null && bias is not null && output < end; output++)
            {
                outputs[output] += TElement.Get(bias + output);
            }

            Adapt(own.Low + (vector * Rank), outputs, begin, end);
            for (long output = begin; change is not null && output < end; output++)
            {
                outputs[output] = (outputs[output] * scale[output]) + shift[output];
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => change?.Dispose();

    private void Adapt(float* low, float* outputs, long begin, long end)
    {
        foreach (LowRankPart part in parts)
        {
            for (long output = Math.Max(begin, part.First); output < Math.Min(end, part.First + part.Outputs); output++)
            {
                outputs[output] += part.Scaling * DotProducts<TLanes, SingleElement>.One(part.Up + ((output - part.First) * part.Rank), low, part.Rank);
            }

            low += part.Rank;
        }
    }

    /// <summary>A and B of a layer, and where its outputs stand among all.</summary>
    private sealed class LowRankPart(long first, long outputs, Tensor down, Tensor up, float scaling)
    {
        public long First => first;

        public long Outputs => outputs;

        public float Scaling => scaling;

        public int Rank { get; } = (int)down.shape[0];

        public SingleElement* Down { get; } = (SingleElement*)TensorMemory.Address(down);

        public SingleElement* Up { get; } = (SingleElement*)TensorMemory.Address(up);
    }
}
