using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// Writes a safetensors file of the base model anew, tensor by tensor. Types and shapes stay, so the header and the place of every tensor
/// stay too, and what the adapter does not change is copied byte for byte.
/// </summary>
/// <param name="checkpoint">The base model.</param>
/// <param name="plan">What changes.</param>
/// <param name="written">Told of the bytes that were written last, with what they belong to.</param>
internal sealed class MergedFile(Checkpoint checkpoint, MergePlan plan, Action<long, string> written)
{
    private const int CopyBytes = 1 << 22;

    private readonly byte[] buffer = new byte[CopyBytes];

    /// <summary>Writes one file.</summary>
    /// <param name="source">A file of the base model.</param>
    /// <param name="target">The file to write; it is not there.</param>
    /// <param name="cancellation">Ends the work before the next tensor.</param>
    /// <exception cref="LoraException">MergeRefused: a sum is not finite; or the source cannot be read.</exception>
    /// <exception cref="IOException">The system refused to write.</exception>
    public void Write(string source, string target, CancellationToken cancellation)
    {
        IReadOnlyList<TensorInfo> tensors = SafetensorsHeader.Read(source).Tensors;
        using SafeFileHandle input = File.OpenHandle(source);
        using FileStream output = new(target, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        Copy(0, tensors.Count == 0 ? RandomAccess.GetLength(input) : tensors[0].Offset, "header");
        foreach (TensorInfo tensor in tensors)
        {
            cancellation.ThrowIfCancellationRequested();
            bool isOwn = checkpoint.TryFind(tensor.Name, out TensorInfo? found) && found.File == tensor.File;
            if (isOwn && plan.TryFind(tensor.Name, out (ModuleMerge Module, string Parameter) change))
            {
                Merge(tensor, change.Module, change.Parameter, output);
                written(tensor.Length, tensor.Name);
            }
            else
            {
                Copy(tensor.Offset, tensor.Length, tensor.Name);
            }
        }

        output.Flush(flushToDisk: true);

        void Copy(long start, long length, string name)
        {
            for (long done = 0; done < length; done += CopyBytes)
            {
                cancellation.ThrowIfCancellationRequested();
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(CopyBytes, length - done));
                if (!FileBytes.TryRead(input, start + done, part))
                {
                    throw LoraException.Of(LoraError.SafetensorsTruncated, source, source, $"it ends inside '{name}'");
                }

                output.Write(part);
                written(part.Length, name);
            }
        }
    }

    private void Merge(TensorInfo tensor, ModuleMerge module, string parameter, Stream output)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor stored = empty(tensor.Shape, dtype: TensorType.Of(tensor.DataType), device: CPU);
        WeightReader.Fill([(stored, tensor)], checkpoint);
        Tensor merged = module.Merged(parameter, stored);
        if (!merged.isfinite().all().ToBoolean())
        {
            throw LoraException.Of(LoraError.MergeRefused, module.Name, module.Name, $"its {parameter} would have values that are not finite");
        }

        TensorMemory.Write(merged, output);
    }
}
