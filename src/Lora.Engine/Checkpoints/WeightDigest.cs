using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Lora.Checkpoints;

/// <summary>
/// One short text that tells a model's weights from others of the same shapes: names, dtypes, shapes and some bytes of every tensor. It takes
/// moments where all bytes would take longer than loading them, and does not hang on how the tensors are spread over files.
/// </summary>
/// <remarks>A tensor that was trained or merged differs nearly everywhere; a change of a few values in a large one is not seen.</remarks>
internal static class WeightDigest
{
    // Tensors up to three blocks, such as all norms, are taken whole; of larger ones the first block, the middle and the last.
    private const int Block = 4096;
    private const int Blocks = 3;

    /// <summary>The digest of a checkpoint, in hexadecimal.</summary>
    /// <param name="path">A model's folder, a .safetensors file, or a shard index.</param>
    /// <exception cref="LoraException">It is damaged or cannot be read.</exception>
    public static string Of(string path)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        byte[][] parts = new byte[checkpoint.Tensors.Count][];
        LoraProblem[]?[] problems = new LoraProblem[parts.Length][];
        Parallel.For(0, parts.Length, index =>
        {
            try
            {
                parts[index] = Of(checkpoint, checkpoint.Tensors[index]);
            }
            catch (LoraException exception)
            {
                problems[index] = [.. exception.Problems];
            }
        });
        // One is enough: a file that was cut off has the same problem at each tensor behind the cut.
        LoraException.ThrowIfAny([.. problems.OfType<LoraProblem[]>().SelectMany(found => found).Take(1)]);
        return Convert.ToHexString(SHA256.HashData(parts.SelectMany(part => part).ToArray()));
    }

    private static byte[] Of(Checkpoint checkpoint, TensorInfo tensor)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{tensor.Name}\n{tensor.DataType.ToName()}\n"));
        Span<byte> number = stackalloc byte[sizeof(long)];
        foreach (long size in tensor.Shape)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, size);
            hash.AppendData(number);
        }

        foreach ((long skip, int length) in Samples(tensor.Length))
        {
            byte[] bytes = new byte[length];
            checkpoint.Read(tensor, skip, bytes);
            hash.AppendData(bytes);
        }

        return hash.GetHashAndReset();
    }

    private static IEnumerable<(long Skip, int Length)> Samples(long length) => length <= Blocks * Block
        ? [(0, (int)length)]
        : Enumerable.Range(0, Blocks).Select(index => ((length - Block) * index / (Blocks - 1), Block));
}
