using System.Text.Json;
using System.Text.Unicode;
using Lora.Checkpoints;

namespace Lora.Data;

/// <summary>
/// Reads a .jsonl file: UTF-8, one JSON object a line, with "text", or with "prompt" and "completion". Other keys are the user's own. A line
/// may have 512 MB, the file any length.
/// </summary>
public static class JsonLinesReader
{
    // System.Text.Json reads without recursion; a row's other keys may hold what they like.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 10_000 };

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>The rows of a file, each read when it is asked for; blank lines are skipped. After a bad row no more are given, and the rest is checked.</summary>
    /// <param name="path">A regular file, or a link to one.</param>
    /// <param name="cancellation">Checked at each line.</param>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.FileUnreadable"/>, <see cref="LoraError.DatasetForm"/>,
    /// <see cref="LoraError.DatasetEmpty"/>; at the end <see cref="LoraError.RowInvalid"/> for each of the first 20 causes.</exception>
    public static IEnumerable<DatasetRow> Read(string path, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Rows(path, cancellation);
    }

    private static IEnumerable<DatasetRow> Rows(string path, CancellationToken cancellation)
    {
        using FileStream stream = Open(path);
        LineReader lines = new(stream);
        RowProblems problems = new(path);
        Begin(path, lines);
        int number = 0;
        bool any = false;
        while (lines.TryRead(out ReadOnlyMemory<byte> line))
        {
            cancellation.ThrowIfCancellationRequested();
            number++;
            ReadOnlyMemory<byte> content = line.Trim(" \t\r"u8);
            DatasetRow? row = content.Length > 0 ? ReadLine(number, content, problems) : null;
            any |= row is not null;
            if (row is not null && !problems.Any)
            {
                yield return row;
            }
        }

        if (!lines.IsAtEnd)
        {
            problems.Add(number + 1, $"it has more than {LineReader.LongestLine} bytes; what follows is not read");
        }

        problems.ThrowIfAny();
        if (!any)
        {
            throw LoraException.Of(LoraError.DatasetEmpty, path, path);
        }
    }

    private static FileStream Open(string path)
    {
        if (Directory.Exists(path))
        {
            throw LoraException.Of(LoraError.DatasetForm, path, path, "a folder");
        }

        return RegularFile.HasContent(path) ? RegularFile.Open(path) : throw LoraException.Of(LoraError.DatasetEmpty, path, path);
    }

    private static void Begin(string path, LineReader lines)
    {
        if (lines.Ahead.StartsWith(ByteOrderMark))
        {
            lines.Skip(ByteOrderMark.Length);
        }

        if (DatasetForm.Other(path, lines.Ahead) is string other)
        {
            throw LoraException.Of(LoraError.DatasetForm, path, path, other);
        }
    }

    private static DatasetRow? ReadLine(int number, ReadOnlyMemory<byte> line, RowProblems problems)
    {
        try
        {
            if (!Utf8.IsValid(line.Span))
            {
                throw new FormatException("it is not UTF-8");
            }

            using JsonDocument document = JsonDocument.Parse(line, Options);
            return ReadRow(number, document.RootElement);
        }
        catch (JsonException exception)
        {
            // The message ends with the place, which differs from row to row.
            string cause = exception.Message.Split(" LineNumber:")[0].TrimEnd('.');
            problems.Add(number, $"it is not JSON ({cause})");
        }
        catch (InvalidOperationException)
        {
            problems.Add(number, "a string holds half of a surrogate pair");
        }
        catch (FormatException exception)
        {
            problems.Add(number, exception.Message);
        }

        return null;
    }

    private static DatasetRow ReadRow(int number, JsonElement row)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("it is not a JSON object");
        }

        return (Find(row, "text"), Find(row, "prompt"), Find(row, "completion")) switch
        {
            (string text, null, null) => new(number, null, text),
            (null, string prompt, string completion) => new(number, prompt, completion),
            (null, string, null) => throw new FormatException("it has a \"prompt\" without a \"completion\""),
            (null, null, string) => throw new FormatException("it has a \"completion\" without a \"prompt\""),
            (null, null, null) => throw new FormatException(OtherRow.Describe(row)),
            _ => throw new FormatException("it has \"text\" beside \"prompt\" or \"completion\""),
        };
    }

    private static string? Find(JsonElement row, string name)
    {
        JsonElement[] values = [.. row.EnumerateObject().Where(field => field.NameEquals(name)).Select(field => field.Value)];
        return values switch
        {
            [] or [{ ValueKind: JsonValueKind.Null }] => null,
            [{ ValueKind: JsonValueKind.String }] => values[0].GetString(),
            [_] => throw new FormatException($"\"{name}\" is not a string"),
            _ => throw new FormatException($"it has \"{name}\" more than once"),
        };
    }
}

/// <summary>One row of a dataset: a text, or a prompt with its completion.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Prompt">What is given; null for a plain text.</param>
/// <param name="Text">What is to be learned: the whole text, or the completion.</param>
public sealed record DatasetRow(int Line, string? Prompt, string Text);
