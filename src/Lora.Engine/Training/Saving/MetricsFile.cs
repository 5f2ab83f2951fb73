using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>
/// metrics.jsonl in the folder that the adapter goes to: one JSON object a line for each step and each evaluation, while the run goes on. A run that is
/// gone on with goes on with its file, from which what came after its state is cut. JSON knows no NaN: a number that is not finite is null.
/// </summary>
/// <param name="folder">The folder; it is made with the first step.</param>
/// <param name="state">The state that the run goes on from; null for a new run, which replaces the file of an earlier one.</param>
internal sealed class MetricsFile(string folder, TrainingState? state)
{
    /// <summary>The file's name.</summary>
    public const string Name = "metrics.jsonl";

    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly ArrayBufferWriter<byte> waiting = new();
    private double secondsBefore;
    private bool isBegun;

    private string Path => System.IO.Path.Combine(folder, Name);

    /// <summary>Notes a step.</summary>
    /// <exception cref="IOException">The system refused; the file has whole lines only.</exception>
    public void Add(LoraTrainingStep step)
    {
        Begin();
        Note(line =>
        {
            line.WriteNumber("step", step.Step);
            Number(line, "epoch", step.Epoch);
            Number(line, "loss", step.Loss);
            Number(line, "learning_rate", step.LearningRate);
            Number(line, "gradient_norm", step.GradientNorm);
            line.WriteNumber("tokens", step.Token);
            line.WriteNumber("supervised_tokens", step.SupervisedToken);
            if (step.IsSkipped)
            {
                line.WriteBoolean("skipped", true);
            }
        });
        Flush();
    }

    /// <summary>Notes the evaluations of a step. Those before the first step wait for it: a run that is stopped earlier leaves no file.</summary>
    /// <inheritdoc cref="Add(LoraTrainingStep)"/>
    public void Add(IReadOnlyList<LoraEvaluation> evaluations)
    {
        if (state is not null)
        {
            Begin();
        }

        foreach (LoraEvaluation evaluation in evaluations)
        {
            Note(line =>
            {
                line.WriteNumber("step", evaluation.Step);
                line.WriteString("evaluation", evaluation.Name);
                Number(line, "loss", evaluation.Loss);
                Number(line, "perplexity", evaluation.Perplexity);
                Number(line, "accuracy", evaluation.Accuracy);
                Scores(line, evaluation);
                line.WriteNumber("supervised_tokens", evaluation.SupervisedToken);
            });
        }

        if (isBegun)
        {
            Flush();
        }
    }

    /// <summary>The steps that a folder's file has, in their order; none without one.</summary>
    public static IReadOnlyList<(int Step, double Loss, long Token)> Steps(string folder)
    {
        string path = System.IO.Path.Combine(folder, Name);
        List<(int Step, double Loss, long Token)> steps = [];
        foreach (string line in File.Exists(path) ? File.ReadLines(path) : [])
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.TryGetProperty("tokens", out JsonElement tokens))
            {
                JsonElement loss = root.GetProperty("loss");
                steps.Add((root.GetProperty("step").GetInt32(), loss.ValueKind == JsonValueKind.Number ? loss.GetDouble() : double.NaN, tokens.GetInt64()));
            }
        }

        return steps;
    }

    private void Note(Action<Utf8JsonWriter> write)
    {
        using (Utf8JsonWriter line = new(waiting))
        {
            line.WriteStartObject();
            write(line);
            line.WriteNumber("seconds", Math.Round(secondsBefore + clock.Elapsed.TotalSeconds, 3));
            line.WriteEndObject();
        }

        waiting.Write("\n"u8);
    }

    /// <summary>What only classifiers, regressions and questions with choices have.</summary>
    private static void Scores(Utf8JsonWriter line, LoraEvaluation evaluation)
    {
        (string Name, double? Value)[] scores = [("macro_f1", evaluation.MacroF1), ("mean_squared_error", evaluation.MeanSquaredError), ("pearson", evaluation.Pearson), ("acc", evaluation.ChoiceAccuracy), ("acc_norm", evaluation.ChoiceAccuracyNormalized)];
        foreach ((string name, double? value) in scores)
        {
            if (value is double number)
            {
                Number(line, name, number);
            }
        }
    }

    private static void Number(Utf8JsonWriter line, string name, double value)
    {
        if (double.IsFinite(value))
        {
            line.WriteNumber(name, value);
        }
        else
        {
            line.WriteNull(name);
        }
    }

    private void Begin()
    {
        if (isBegun)
        {
            return;
        }

        using OutputFolder place = new(folder);
        using FileStream file = new(Path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        file.SetLength(state is null ? 0 : Kept(file, state));
        isBegun = true;
    }

    /// <summary>The length of what belongs to the run up to its state; a line that a killed process left half is after it.</summary>
    private long Kept(FileStream file, TrainingState resumed)
    {
        long kept = 0;
        byte[] all = new byte[file.Length];
        file.ReadExactly(all);
        for (int end; (end = Array.IndexOf(all, (byte)'\n', (int)kept)) >= 0; kept = end + 1)
        {
            if (Read(all.AsMemory((int)kept, end - (int)kept)) is not (int step, bool isEvaluation, double seconds)
                || step > (isEvaluation ? resumed.Evaluations.LastStep : resumed.Step))
            {
                break;
            }

            secondsBefore = seconds;
        }

        return kept;
    }

    private static (int Step, bool IsEvaluation, double Seconds)? Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            return (root.GetProperty("step").GetInt32(), root.TryGetProperty("evaluation", out _), root.GetProperty("seconds").GetDouble());
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private void Flush()
    {
        // Opened for each line, so that others may read, move or remove it while hours of training go by.
        using FileStream file = new(Path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        long whole = file.Seek(0, SeekOrigin.End);
        try
        {
            file.Write(waiting.WrittenSpan);
            waiting.ResetWrittenCount();
        }
        catch (IOException)
        {
            file.SetLength(whole); // a full disk takes a part of a line; the rest is tried again with the next one
            throw;
        }
    }
}
