using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lora.Commands;

/// <summary>What a user gave as a row of a dataset: a custom object, a hashtable, or a row of a data table.</summary>
public sealed record RowArgument : Argument
{
    /// <summary>Full paths of the files and folders that it names, or is; null where it is a row.</summary>
    /// <exception cref="LoraException">PathNotFound or PathNotFileSystem.</exception>
    internal IReadOnlyList<string>? Paths(PathResolver paths) => Value switch
    {
        string path => paths.All(path),
        FileSystemInfo item => [paths.Literal(item.FullName)],
        _ => null,
    };
}

/// <summary>Rows that come through the pipeline, one object each, until all are there.</summary>
internal sealed class PipelineRows : IDisposable
{
    private const string Name = "the pipeline";

    private readonly ArrayBufferWriter<byte> json = new();
    private readonly Utf8JsonWriter writer;

    // Without this encoder each letter beyond ASCII would take six bytes of the file, which no browser reads.
    public PipelineRows() => writer = new(json, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The rows.</summary>
    public GivenRows Rows { get; } = new(Name);

    /// <summary>Adds a row.</summary>
    /// <param name="given">A custom object, a hashtable or a row of a data table.</param>
    /// <exception cref="LoraException">RowInvalid: it is none of these, or holds what JSON cannot; TemporaryFileFailed.</exception>
    public void Add(object? given)
    {
        try
        {
            RowJson.Write(given, writer);
            writer.Flush();
        }
        // The writer's own: half of a surrogate pair is an ArgumentException, too many levels are an InvalidOperationException.
        catch (Exception exception) when (exception is FormatException or ArgumentException or InvalidOperationException)
        {
            throw LoraException.From(exception, LoraError.RowInvalid, given, Name, string.Create(CultureInfo.InvariantCulture, $"row {Rows.Count + 1}"), exception.Message.TrimEnd('.'));
        }

        Rows.Add(json.WrittenSpan);
        json.ResetWrittenCount();
        writer.Reset();
    }

    public void Dispose()
    {
        writer.Dispose();
        Rows.Dispose();
    }
}
