using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>sweep.json in a sweep's folder: which points there are, what each was, and how far it came. It is written whole or not at all.</summary>
internal sealed record SweepRecord
{
    /// <summary>The file's name.</summary>
    public const string FileName = "sweep.json";

    // A loss may be infinite.
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for readers; no browser reads it
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter<LoraSweepOutcome>() },
    };

    /// <summary>The halving (<see cref="SweepOptions.Factor"/>).</summary>
    public int? Factor { get; init; }

    /// <summary>When it began: chat templates that write the time write this one, whenever a point is trained.</summary>
    public DateTimeOffset Begun { get; init; }

    /// <summary>The points in their order.</summary>
    public List<SweptPoint> Points { get; init; } = [];

    /// <summary>Whether a folder has one.</summary>
    public static bool IsThere(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Reads it.</summary>
    /// <exception cref="LoraException">ResumeRefused: it is damaged, or of another version.</exception>
    public static SweepRecord Read(string folder)
    {
        try
        {
            SweepRecord read = JsonSerializer.Deserialize<SweepRecord>(File.ReadAllBytes(Path.Combine(folder, FileName)), Json) ?? new();
            return read.Points is not null && read.Points.TrueForAll(point => point is { Name: not null, Rungs: not null, Identity: not null }) ? read
                : throw LoraException.Of(LoraError.ResumeRefused, folder, folder, $"{FileName} is not the record of a sweep");
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.ResumeRefused, folder, folder, $"{FileName} is not the record of a sweep: {exception.Message}");
        }
    }

    /// <summary>Writes it, and the folder when it is not there.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public void Write(string folder)
    {
        try
        {
            using OutputFolder output = new(folder);
            AtomicFile.Write(Path.Combine(folder, FileName), stream => JsonSerializer.Serialize(stream, this, Json));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.OutputFailed, folder, folder, exception.Message);
        }
    }
}

/// <summary>A point as the record has it.</summary>
internal sealed record SweptPoint
{
    /// <summary>The point's name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its values as text, for readers.</summary>
    public Dictionary<string, string> Parameter { get; init; } = [];

    /// <summary>What was trained on each rung that it has done, in their order.</summary>
    public List<SweptRung> Rungs { get; init; } = [];

    /// <summary>How it ended; null while it may go on.</summary>
    public LoraSweepOutcome? Outcome { get; set; }

    /// <summary>What its run is (<see cref="RunIdentity"/>).</summary>
    public IReadOnlyDictionary<string, string> Identity { get; init; } = new Dictionary<string, string>();
}

/// <summary>What a point had come to at the end of a rung.</summary>
internal sealed record SweptRung
{
    /// <summary>Steps done.</summary>
    public int Step { get; init; }

    /// <summary>Steps of the whole run.</summary>
    public int TotalStep { get; init; }

    /// <summary>Whether there is nothing left to train, by all steps or by a lack of patience.</summary>
    public bool IsEnded { get; init; }

    /// <summary>The loss that points are compared by.</summary>
    public double Loss { get; init; }

    /// <summary>The mean loss of the last tenth of the steps.</summary>
    public double TrainingLoss { get; init; }

    /// <summary>The evaluation that points are compared by; null without a validation set.</summary>
    public LoraEvaluation? Evaluation { get; init; }

    /// <summary>Continuations of the prompts.</summary>
    public LoraSample[] Sample { get; init; } = [];

    /// <summary>Tokens learned from so far.</summary>
    public long Token { get; init; }

    /// <summary>Seconds of its trainings so far.</summary>
    public double Seconds { get; init; }
}
