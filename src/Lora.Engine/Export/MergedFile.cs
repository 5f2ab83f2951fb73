using Lora.Checkpoints;
using Lora.Native;
using Microsoft.Win32.SafeHandles;

namespace Lora.Export;

/// <summary>
/// Writes a safetensors file of the base model anew, tensor by tensor. Where types and shapes stay, the header and the place of every tensor
/// stay too; what the adapter does not change is copied byte for byte.
/// </summary>
/// <param name="checkpoint">The base model.</param>
/// <param name="plan">What changes.</param>
/// <param name="written">Told of the bytes that were written last, with what they belong to.</param>
internal sealed class MergedFile(Checkpoint checkpoint, MergePlan plan, Action<long, string> written)
{
    private const int CopyBytes = 1 << 22;

    private readonly byte[] buffer = new byte[CopyBytes];
    private readonly MergedReader reader = new(checkpoint, plan);

    /// <summary>Writes one file.</summary>
    /// <param name="source">A file of the base model.</param>
    /// <param name="target">The file to write; it is not there.</param>
    /// <param name="cancellation">Ends the work before the next tensor.</param>
    /// <exception cref="LoraException">MergeRefused: a sum is not finite; or the source cannot be read.</exception>
    /// <exception cref="IOException">The system refused to write.</exception>
    public void Write(string source, string target, CancellationToken cancellation)
    {
        SafetensorsHeader header = SafetensorsHeader.Read(source);
        TensorInfo[] tensors = [.. plan.Layout.Of(header.Tensors)];
        using SafeFileHandle input = File.OpenHandle(source);
        using FileStream output = new(target, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        if (tensors.SequenceEqual(header.Tensors))
        {
            Copy(0, tensors.Length == 0 ? RandomAccess.GetLength(input) : tensors[0].Offset, "header");
        }
        else
        {
            output.Write(SafetensorsWriter.Header(tensors, header.Metadata));
        }

        foreach (TensorInfo tensor in tensors)
        {
            cancellation.ThrowIfCancellationRequested();

            // An untied head is in no file of the base; all others may lie in a second file that the index does not mean.
            bool isOwn = !checkpoint.TryFind(tensor.Name, out TensorInfo? found) || found.File == tensor.File;
            if (isOwn && reader.Changes(tensor))
            {
                reader.Read(tensor, type: null, rows => TensorMemory.Write(rows, output), cancellation);
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
}
