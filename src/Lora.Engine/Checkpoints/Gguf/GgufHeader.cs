using Microsoft.Win32.SafeHandles;

namespace Lora.Checkpoints;

/// <summary>
/// What a GGUF file (version 2 or 3) says of itself: its metadata and the table of its tensors. Every check of the reference library is made here,
/// so what follows can trust names, shapes and offsets.
/// </summary>
internal sealed class GgufHeader
{
    /// <summary>The most bytes that metadata and table may have together; those of the largest vocabularies have a tenth.</summary>
    public const long MaximumLength = 256L << 20;

    private readonly Dictionary<string, GgufValue> values;

    internal GgufHeader(string path, IReadOnlyList<GgufField> fields, IReadOnlyList<GgufTensor> tensors)
    {
        Path = path;
        Fields = fields;
        Tensors = tensors;
        values = fields.ToDictionary(field => field.Key, field => field.Value, StringComparer.Ordinal);
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>The metadata, in the order of the file.</summary>
    public IReadOnlyList<GgufField> Fields { get; }

    /// <summary>The tensors, in the order of the file, with their offsets.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>The value of a key; null without it.</summary>
    public GgufValue? this[string key] => values.GetValueOrDefault(key);

    /// <summary>Whether a file begins as a GGUF file does; false too for what cannot be read.</summary>
    public static bool IsGguf(string path)
    {
        try
        {
            Span<byte> magic = stackalloc byte[4];
            using FileStream stream = RegularFile.Open(path);
            return stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual("GGUF"u8);
        }
        catch (Exception exception) when (exception is LoraException or IOException)
        {
            return false;
        }
    }

    /// <summary>Reads and checks the header of a file; the values of its tensors are not read.</summary>
    /// <exception cref="LoraException">PathNotFound, FileUnreadable, or GgufInvalid: it is damaged or against the format.</exception>
    public static GgufHeader Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using FileStream stream = RegularFile.Open(path);
        try
        {
            return new GgufHeaderReader(stream, System.IO.Path.GetFullPath(path)).Read();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }

    /// <summary>Reads the values of a tensor.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <exception cref="LoraException">FileUnreadable: the file changed or cannot be read, or the tensor is too large for one array.</exception>
    public byte[] ReadTensor(GgufTensor tensor)
    {
        if (tensor.Length > Array.MaxLength)
        {
            throw LoraException.Of(LoraError.FileUnreadable, Path, Path, $"The tensor '{tensor.Name}' has {tensor.Length} bytes, more than fit into one array.");
        }

        try
        {
            byte[] bytes = new byte[tensor.Length];
            using SafeFileHandle handle = File.OpenHandle(Path);
            return FileBytes.TryRead(handle, tensor.Offset, bytes)
                ? bytes
                : throw LoraException.Of(LoraError.FileUnreadable, Path, Path, $"It has become shorter and ends in the tensor '{tensor.Name}'.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, Path, Path, exception.Message);
        }
    }
}
