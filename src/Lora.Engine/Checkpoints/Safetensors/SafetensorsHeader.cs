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

    /// <summary>The bytes that say how long the header is.</summary>
    internal const int PrefixLength = sizeof(ulong);

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
        byte[] prefix = new byte[Math.Min(PrefixLength, fileLength)];
        if (!FileBytes.TryRead(handle, 0, prefix) || LengthOf(path, prefix, fileLength, problems) is not int length)
        {
            return null;
        }

        byte[] json = new byte[length];
        if (!FileBytes.TryRead(handle, PrefixLength, json))
        {
            problems.Add(new(LoraError.SafetensorsTruncated, path, path, $"its header should end at byte {PrefixLength + (long)length}"));
            return null;
        }

        return Parse(path, json, fileLength, problems);
    }

    /// <summary>The bytes of the JSON object, as the file's first bytes say; null where they cannot be right, which is added to a list.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="prefix">Its first <see cref="PrefixLength"/> bytes; fewer only where it has no more.</param>
    /// <param name="fileLength">Bytes of the file.</param>
    /// <param name="problems">The list.</param>
    internal static int? LengthOf(string path, ReadOnlySpan<byte> prefix, long fileLength, List<LoraProblem> problems)
    {
        if (prefix.Length < PrefixLength)
        {
            problems.Add(new(LoraError.SafetensorsTruncated, path, path, $"it has {fileLength} bytes, fewer than the length of a header takes"));
            return null;
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        // Text in place of a length, as at the beginning of a Git LFS pointer, is a number beyond any header's.
        LoraProblem? problem = length <= MaximumLength ? null
            : prefix.SequenceEqual("version "u8) ? new(LoraError.GitLfsPointer, path, path)
            : Text(prefix) is string text ? new(LoraError.NotSafetensors, path, path, text)
            : new(LoraError.SafetensorsHeaderTooLarge, path, path, length, MaximumLength);
        problem ??= PrefixLength + (long)length <= fileLength ? null
            : new(LoraError.SafetensorsTruncated, path, path, $"its header should end at byte {PrefixLength + (long)length}; the file has {fileLength}");
        if (problem is not null)
        {
            problems.Add(problem);
            return null;
        }

        return (int)length;
    }

    /// <summary>Checks a header; null when anything is wrong, which is added to a list.</summary>
    /// <param name="path">The file, which the tensors name.</param>
    /// <param name="json">The JSON object.</param>
    /// <param name="fileLength">Bytes of the file.</param>
    /// <param name="problems">The list.</param>
    internal static SafetensorsHeader? Parse(string path, byte[] json, long fileLength, List<LoraProblem> problems)
    {
        long dataStart = PrefixLength + (long)json.Length;
        int problemsBefore = problems.Count;
        SafetensorsHeaderJson content = new(path, dataStart, problems);
        content.Read(json);
        List<TensorInfo> tensors = content.Tensors;
        // By length too: an empty tensor has the offset of the one after it.
        tensors.Sort(static (left, right) => (left.Offset, left.Length).CompareTo((right.Offset, right.Length)));
        if (problems.Count == problemsBefore)
        {
            TensorLayout.Check(path, tensors, dataStart, fileLength, problems);
        }

        return problems.Count == problemsBefore ? new(path, tensors, content.Metadata) : null;
    }
}
