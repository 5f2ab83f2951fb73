using System.Text.Json;
using System.Text.Unicode;

namespace Lora.Data;

/// <summary>
/// Reads a .jsonl file: UTF-8, one JSON object a line, with "text", or with "prompt" and "completion". Other keys are the user's own.
/// </summary>
public static class JsonLinesReader
{
    private const int MostProblems = 20;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>The rows of a file; blank lines are skipped.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.FileUnreadable"/>,
    /// <see cref="LoraError.DatasetEmpty"/>, or <see cref="LoraError.RowInvalid"/> for each of the first 20 bad lines.</exception>
    public static IReadOnlyList<DatasetRow> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ReadOnlyMemory<byte> content = ReadFile(path);
        if (content.Span.StartsWith(ByteOrderMark))
        {
            content = content[ByteOrderMark.Length..];
        }

        List<DatasetRow> rows = [];
        List<LoraProblem> problems = [];
        int number = 0;
        foreach (Range range in content.Span.Split((byte)'\n'))
        {
            number++;
            ReadOnlyMemory<byte> line = content[range].Trim(" \t\r"u8);
            if (line.Length > 0 && problems.Count < MostProblems)
            {
                ReadLine(path, number, line, rows, problems);
            }
        }

        LoraException.ThrowIfAny(problems);
        return rows.Count > 0 ? rows : throw LoraException.Of(LoraError.DatasetEmpty, path, path);
    }

    private static byte[] ReadFile(string path)
    {
        if (!File.Exists(path))
        {
            throw LoraException.Of(LoraError.PathNotFound, path, path);
        }

        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }

    private static void ReadLine(string path, int number, ReadOnlyMemory<byte> line, List<DatasetRow> rows, List<LoraProblem> problems)
    {
        try
        {
            if (!Utf8.IsValid(line.Span))
            {
                throw new FormatException("it is not UTF-8");
            }

            using JsonDocument document = JsonDocument.Parse(line);
            rows.Add(ReadRow(number, document.RootElement));
        }
        catch (JsonException exception)
        {
            problems.Add(new(LoraError.RowInvalid, path, path, number, $"it is not JSON ({exception.Message.TrimEnd('.')})"));
        }
        catch (InvalidOperationException)
        {
            problems.Add(new(LoraError.RowInvalid, path, path, number, "a string holds half of a surrogate pair"));
        }
        catch (FormatException exception)
        {
            problems.Add(new(LoraError.RowInvalid, path, path, number, exception.Message));
        }
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
            (null, null, null) => throw new FormatException("it has neither \"text\" nor \"prompt\" and \"completion\""),
            _ => throw new FormatException("it has \"text\" beside \"prompt\" or \"completion\""),
        };
    }

    private static string? Find(JsonElement row, string name)
    {
        if (!row.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw new FormatException($"\"{name}\" is not a string");
    }
}

/// <summary>One row of a dataset: a text, or a prompt with its completion.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Prompt">What is given; null for a plain text.</param>
/// <param name="Text">What is to be learned: the whole text, or the completion.</param>
public sealed record DatasetRow(int Line, string? Prompt, string Text);
