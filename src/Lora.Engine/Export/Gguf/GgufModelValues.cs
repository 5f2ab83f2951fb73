using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Native;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>A written model's values, read back under the model's own names: what was done to them on the way is undone.</summary>
/// <param name="path">The file.</param>
/// <param name="plan">What it was written by.</param>
internal sealed class GgufModelValues(string path, GgufModelPlan plan) : IProofValues, IDisposable
{
    private const int PieceValues = 1 << 20;

    private readonly Dictionary<string, GgufTensor> written = GgufHeader.Read(path).Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    private readonly SafeFileHandle handle = File.OpenHandle(path);

    /// <inheritdoc/>
    public bool Has(string name) => plan.PlaceOf(name) is not null;

    /// <summary>The numbers that a tensor is stored as; null for blocks of codes, and for what is stored with a factor, which rounds otherwise.</summary>
    public ScalarType? TypeOf(string name)
    {
        (string tensor, int part) = plan.PlaceOf(name)!.Value;
        return plan.Find(tensor).Parts[part].Factor != 1 ? null : written[tensor].Type switch
        {
            GgufTensorType.F32 => ScalarType.Float32,
            GgufTensorType.F16 => ScalarType.Float16,
            GgufTensorType.BF16 => ScalarType.BFloat16,
            _ => null,
        };
    }

    /// <inheritdoc/>
    public void Fill(IReadOnlyDictionary<string, Tensor> tensors, CancellationToken cancellation)
    {
        foreach ((string name, Tensor values) in tensors)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            (string place, int index) = plan.PlaceOf(name)!.Value;
            GgufPart part = plan.Find(place).Parts[index];
            if (part.IsPlain)
            {
                Read(written[place], index * values.numel(), values);
                continue;
            }

            Tensor stored = empty(part.IsTurned ? [.. values.shape.Reverse()] : values.shape, dtype: ScalarType.Float32, device: CPU);
            Read(written[place], index * stored.numel(), stored);
            Tensor own = part.Factor != 1 ? stored.Divide(part.Factor) : stored;
            own = part.Adds != 0 ? own.Add(-part.Adds) : own;
            own = part.RowOrder is long[] order ? own.index_copy(0, tensor(order, dtype: ScalarType.Int64), own) : own;
            values.copy_(part.IsTurned ? own.t() : own);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    /// <summary>Reads values of a tensor from one of them on, as many as the destination has.</summary>
    private void Read(GgufTensor tensor, long first, Tensor destination)
    {
        (int block, int width) = tensor.Type.Block();
        byte[] bytes = new byte[PieceValues / block * width];
        for (long start = 0; start < destination.numel(); start += PieceValues)
        {
            int count = (int)Math.Min(PieceValues, destination.numel() - start);
            Span<byte> piece = bytes.AsSpan(0, count / block * width);
            if (!FileBytes.TryRead(handle, tensor.Offset + ((first + start) / block * width), piece))
            {
                throw LoraException.Of(LoraError.FileUnreadable, path, path, $"It ends within the tensor '{tensor.Name}'.");
            }

            Span<byte> values = TensorMemory.Bytes(destination, start * sizeof(float), count * sizeof(float));
            GgufDecoder.Decode(tensor.Type, piece, MemoryMarshal.Cast<byte, float>(values));
        }
    }
}
