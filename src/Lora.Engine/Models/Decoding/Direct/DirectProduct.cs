using Lora.Kernels;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Linear layers that share an input x, with their adapters, as vector code has them: y = x Wᵀ + b + s (x Aᵀ) Bᵀ.</summary>
internal sealed unsafe class DirectProduct<TLanes, TElement>
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    private readonly TElement* weight;
    private readonly FourBitRows? codes; // in place of the weight
    private readonly TElement* bias;
    private readonly LowRankPart[] parts;

    /// <param name="frozen">The base layers, with numbers or with 4-bit codes whose blocks end with rows; their memory, and that of the adapters, has to stay for as long as this is used.</param>
    /// <param name="factors">The adapter of each, or null.</param>
    public DirectProduct(JoinedWeights frozen, IReadOnlyList<LowRankFactors?> factors)
    {
        (Outputs, Inputs) = (frozen.Shape[0], frozen.Shape[1]);
        codes = frozen.Matrices.Count > 0 ? new(frozen.Matrices) : null;
        weight = codes is null ? (TElement*)TensorMemory.Address(frozen.Values()) : null;
        bias = frozen.Bias is Tensor values ? (TElement*)TensorMemory.Address(values) : null;
        List<LowRankPart> found = [];
        long first = 0;
        foreach ((long outputs, LowRankFactors? own) in frozen.Outputs.Zip(factors))
        {
            if (own is not null)
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
    /// <param name="own">The thread's own: x Aᵀ of <see cref="Reduce"/>, and room for a row.</param>
    /// <param name="y">[vectors, out]; written from begin to end.</param>
    /// <param name="begin">The first output.</param>
    /// <param name="end">The one after the last.</param>
    public void Multiply(float* x, int vectors, WorkerBuffers own, float* y, long begin, long end)
    {
        if (codes is null)
        {
            DotProducts<TLanes, TElement>.Rows(weight, Inputs, x, vectors, y, Outputs, begin, end);
        }

        for (long row = begin; codes is not null && row < end; row++)
        {
            codes.Write(row, own.Row);
            DotProducts<TLanes, SingleElement>.Rows((SingleElement*)own.Row, Inputs, x, vectors, y + row, Outputs, 0, 1);
        }

        for (int vector = 0; vector < vectors; vector++)
        {
            float* outputs = y + (vector * Outputs);
            for (long output = begin; bias is not null && output < end; output++)
            {
                outputs[output] += TElement.Get(bias + output);
            }

            Adapt(own.Low + (vector * Rank), outputs, begin, end);
        }
    }

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
