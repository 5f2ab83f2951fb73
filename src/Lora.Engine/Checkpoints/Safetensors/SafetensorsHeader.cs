using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Lora.Checkpoints;

/// <summary>
/// The header of one safetensors file: 8 bytes with the length of a JSON object, then the object, then the values of all tensors
/// without a gap. Every check of the reference library is made here, so what follows can trust names, shapes and offsets.
/// </summary>
public sealed class SafetensorsHeader
{
    /// <summary>The most bytes that a header may have; the reference library's limit.</summary>
    public const int MaximumLength = 100_000_000;

    private SafetensorsHeader(string path, IReadOnlyList<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Path = path;
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>The tensors in the order in which their values lie in the file.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The texts of <c>__metadata__</c>, for example <c>format</c>: <c>pt</c>; empty when the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads and checks the header of a file; the values are not read.</summary>
    /// <exception cref="LoraException">The file is missing, unreadable, damaged or against the format; all that is wrong is reported.</exception>
    public static SafetensorsHeader Read(string path)
    {
        List<LoraProblem> problems = [];
        SafetensorsHeader? header = TryRead(path, problems);
        LoraException.ThrowIfAny(problems);
        return header!;
    }

    /// <summary>As <see cref="Read(string)"/>, but adds what is wrong to a list; null when anything is.</summary>
    internal static SafetensorsHeader? TryRead(string path, List<LoraProblem> problems)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path))
        {
            problems.Add(new(LoraError.PathNotFound, path, path));
            return null;
        }

        try
        {
            if (!RegularFile.HasContent(path))
            {
                problems.Add(new(LoraError.SafetensorsTruncated, path, path, "it is empty, or a pipe or a device"));
                return null;
            }

            using SafeFileHandle handle = File.OpenHandle(path);
            return Read(handle, System.IO.Path.GetFullPath(path), problems);
        }
        catch (LoraException exception)
        {
            problems.AddRange(exception.Problems);
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problems.Add(new(LoraError.FileUnreadable, path, path, exception.Message));
            return null;
        }
    }

    /// <summary>The first bytes as they are read by people; null where they are no text.</summary>
    private static string? Text(ReadOnlySpan<byte> start)
    {
        string text = Encoding.ASCII.GetString(start);
        return text.All(c => c is (>= ' ' and <= '~') or '\t' or '\r' or '\n') ? $"'{text.ReplaceLineEndings(" ").TrimEnd()}'" : null;
    }

    private static SafetensorsHeader? Read(SafeFileHandle handle, string path, List<LoraProblem> problems)
    {
        long fileLength = RandomAccess.GetLength(handle);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (fileLength < prefix.Length || !FileBytes.TryRead(handle, 0, prefix))
        {
            problems.Add(new(LoraError.SafetensorsTruncated, path, path, $"it has {fileLength} bytes, fewer than the length of a header takes"));
            return null;
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaximumLength && prefix.SequenceEqual("version "u8))
        {
            problems.Add(new(LoraError.GitLfsPointer, path, path));
            return null;
        }

        if (length > MaximumLength && Text(prefix) is string text)
        {
            problems.Add(new(LoraError.NotSafetensors, path, path, text));
            return null;
        }

        if (length > MaximumLength)
        {
            problems.Add(new(LoraError.SafetensorsHeaderTooLarge, path, path, length, MaximumLength));
            return null;
        }

        long dataStart = prefix.Length + (long)length;
        byte[] json = dataStart <= fileLength ? new byte[(int)length] : [];
        if (dataStart > fileLength || !FileBytes.TryRead(handle, prefix.Length, json))
        {
            problems.Add(new(LoraError.SafetensorsTruncated, path, path, $"its header should end at byte {dataStart}; the file has {fileLength}"));
            return null;
        }

        int problemsBefore = problems.Count;
        SafetensorsHeaderJson content = new(path, dataStart, problems);
        content.Read(json);
        List<TensorInfo> tensors = content.Tensors;
        tensors.Sort(static (left, right) => (left.Offset, left.Length).CompareTo((right.Offset, right.Length)));
        if (problems.Count == problemsBefore)
        {
            TensorLayout.Check(path, tensors, dataStart, fileLength, problems);
        }

        return problems.Count == problemsBefore ? new(path, tensors, content.Metadata) : null;
    }
}
