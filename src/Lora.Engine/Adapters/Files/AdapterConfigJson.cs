using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>adapter_config.json as PEFT 0.20 writes it.</summary>
/// <remarks>
/// All keys are sorted, nulls written, and sets sorted where PEFT leaves them in hash order. The entries of rank_pattern and alpha_pattern alone
/// keep their order, since the first that matches decides and PEFT reads them in the order of the file.
/// </remarks>
public static class AdapterConfigJson
{
    /// <summary>The file's name in an adapter's folder.</summary>
    public const string FileName = "adapter_config.json";

    private const string LoraType = "LORA";
    private const long MostBytes = 100_000_000;
    private const string MlxKey = "lora_parameters";

    /// <summary>Reads a configuration from its file.</summary>
    /// <param name="path">Full path of the file, which is there.</param>
    /// <exception cref="LoraException">FileUnreadable, or what <see cref="Parse"/> throws.</exception>
    public static LoraConfig ReadFile(string path)
    {
        return Parse(RegularFile.ReadAllText(path, MostBytes), path);
    }

    /// <summary>Reads a configuration. Keys that are absent have PEFT's defaults.</summary>
    /// <param name="json">The file's text.</param>
    /// <param name="source">What messages call the file.</param>
    /// <exception cref="LoraException">AdapterConfigInvalid: not JSON, or values of other types; AdapterFeatureUnsupported: not a LoRA adapter.</exception>
    public static LoraConfig Parse(string json, string source = FileName)
    {
        try
        {
            return Read(json, source);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The second is what System.Text.Json answers when a string holds half of an escaped surrogate pair.
            throw LoraException.From(exception, LoraError.AdapterConfigInvalid, source, source, exception.Message.TrimEnd('.'));
        }
    }

    private static LoraConfig Read(string json, string source)
    {
        JsonFields fields = new(ParseObject(json, source), source);
        CheckType(fields, source);
        JsonNode? targets = EmptyAsList(fields.Take("target_modules", JsonValueKind.Array, JsonValueKind.String));
        JsonNode? excluded = fields.Take("exclude_modules", JsonValueKind.Array, JsonValueKind.String);
        // Taken and let go: PEFT writes true into every adapter that it saves.
        fields.Take("inference_mode", JsonValueKind.True, JsonValueKind.False);
        LoraConfig config = new()
        {
            Rank = fields.Integer("r") ?? 8,
            Alpha = fields.Number("lora_alpha") ?? 8,
            Dropout = fields.Number("lora_dropout") ?? 0,
            Bias = BiasOf(fields, source),
            UseRsLora = fields.Bool("use_rslora"),
            UseDora = fields.Bool("use_dora"),
            UseLoraBias = fields.Bool("lora_bias"),
            Initialization = fields.Take("init_lora_weights", JsonValueKind.True, JsonValueKind.False, JsonValueKind.String)?.ToString() ?? "true",
            TargetModule = fields.Texts("target_modules", targets),
            TargetPattern = TextOrNull(targets),
            TargetParameter = fields.Texts("target_parameters"),
            ExcludeModule = fields.Texts("exclude_modules", excluded),
            ExcludePattern = TextOrNull(excluded),
            LayersToTransform = fields.Integers("layers_to_transform", ListOf(fields.Take("layers_to_transform", JsonValueKind.Array, JsonValueKind.Number))),
            LayersPattern = fields.Texts("layers_pattern", ListOf(fields.Take("layers_pattern", JsonValueKind.Array, JsonValueKind.String))),
            RankPattern = fields.PatternValues("rank_pattern"),
            AlphaPattern = fields.PatternValues("alpha_pattern"),
            ModulesToSave = fields.Texts("modules_to_save"),
            TrainableToken = TokenIndices(fields),
            EnsureWeightTying = fields.Bool("ensure_weight_tying"),
            FanInFanOut = fields.Bool("fan_in_fan_out"),
            TaskType = fields.Text("task_type"),
            BaseModelNameOrPath = fields.Text("base_model_name_or_path"),
            Revision = fields.Text("revision"),
            OtherKeys = fields.Rest,
        };
        LoraException.ThrowIfAny(fields.Problems);
        return config;
    }

    /// <summary>Returns the file's text. Exact names are written as target_modules.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: OtherKeys is not a JSON object.</exception>
    public static string Write(LoraConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        JsonObject fields = PeftFields.NewDefaults();
        // Before the engine's own keys, so that none of the others takes the place of one of these.
        foreach ((string key, JsonNode? value) in PeftFields.Parse(config.OtherKeys))
        {
            fields[key] = value?.DeepClone();
        }

        fields["alpha_pattern"] = PatternValues(config.AlphaPattern);
        fields["base_model_name_or_path"] = config.BaseModelNameOrPath ?? config.Model;
        fields["bias"] = NameOf(config.Bias);
        fields["ensure_weight_tying"] = config.EnsureWeightTying;
        fields["exclude_modules"] = Set(config.ExcludeModule) ?? (JsonNode?)config.ExcludePattern;
        fields["fan_in_fan_out"] = config.FanInFanOut;
        fields["inference_mode"] = true;
        fields["init_lora_weights"] = bool.TryParse(config.Initialization, out bool isDefault) ? isDefault : config.Initialization;
        fields["layers_pattern"] = List(config.LayersPattern);
        fields["layers_to_transform"] = List(config.LayersToTransform);
        // As a whole number where it is one: there are clients that read no other.
        fields["lora_alpha"] = PythonJson.IntegerOrFloat(config.Alpha);
        fields["lora_bias"] = config.UseLoraBias;
        fields["lora_dropout"] = PythonJson.Float(config.Dropout);
        fields["modules_to_save"] = List(config.ModulesToSave);
        fields["peft_type"] = LoraType;
        fields["r"] = config.Rank;
        fields["rank_pattern"] = PatternValues(config.RankPattern);
        fields["revision"] = config.Revision;
        fields["target_modules"] = Set(config.Module ?? config.TargetModule) ?? (JsonNode?)config.TargetPattern;
        fields["target_parameters"] = List(config.TargetParameter);
        fields["task_type"] = config.TaskType;
        fields["trainable_token_indices"] = TokenIndices(config.TrainableToken);
        fields["use_dora"] = config.UseDora;
        fields["use_rslora"] = config.UseRsLora;
        // Of several patterns that fit a module the first counts: they are not sorted.
        return PythonJson.Write(fields, "alpha_pattern", "rank_pattern");
    }

    /// <summary>The keys of the file that are set and that neither the engine nor PEFT 0.20 knows; they are kept but have no effect.</summary>
    public static IReadOnlyList<string> UnknownKeys(LoraConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return [.. PeftFields.Unknown(config)];
    }

    private static JsonObject ParseObject(string json, string source)
    {
        // Keys that occur twice are an error here; Python takes the last.
        return JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject
            ?? throw LoraException.Of(LoraError.AdapterConfigInvalid, source, source, "it is not a JSON object");
    }

    private static void CheckType(JsonFields fields, string source)
    {
        string? type = fields.Text("peft_type");
        LoraException.ThrowIfAny(fields.Problems);
        if (type is null && fields.Has(MlxKey))
        {
            throw LoraException.Of(LoraError.AdapterFeatureUnsupported, source, source, $"the form of mlx-lm ('{MlxKey}', without 'peft_type'), not PEFT's");
        }

        if (type is null)
        {
            throw LoraException.Of(LoraError.AdapterConfigInvalid, source, source, "it has no 'peft_type'");
        }

        if (type != LoraType)
        {
            throw LoraException.Of(LoraError.AdapterFeatureUnsupported, source, source, $"the adapter type {type}");
        }
    }

    /// <summary>A list of ids, or an object of modules with lists.</summary>
    private static LoraTrainableToken[]? TokenIndices(JsonFields fields)
    {
        const string Key = "trainable_token_indices";
        JsonNode? node = fields.Take(Key, JsonValueKind.Array, JsonValueKind.Object);
        return node is JsonObject modules
            ? [.. modules.ToArray().SelectMany(module => Of(module.Key, fields.Integers(Key, fields.Array(Key, module.Value))))]
            : fields.Integers(Key, node) is int[] ids ? [.. Of(null, ids)] : null;

        static IEnumerable<LoraTrainableToken> Of(string? module, int[]? ids) => (ids ?? []).Select(id => new LoraTrainableToken { Module = module, Index = id });
    }

    private static JsonNode? TokenIndices(LoraTrainableToken[]? tokens) => tokens is null || tokens.Length == 0 ? null
        : tokens[0].Module is null ? List(tokens.Select(token => token.Index))
        : new JsonObject(tokens.GroupBy(token => token.Module!).Select(module => KeyValuePair.Create(module.Key, (JsonNode?)List(module.Select(token => token.Index)))));

    private static LoraBias BiasOf(JsonFields fields, string source)
    {
        string text = fields.Text("bias") ?? NameOf(LoraBias.None);
        LoraBias[] matches = [.. Enum.GetValues<LoraBias>().Where(bias => NameOf(bias) == text)];
        if (matches.Length == 0)
        {
            string known = string.Join(", ", Enum.GetValues<LoraBias>().Select(NameOf));
            fields.Problems.Add(new(LoraError.AdapterConfigInvalid, source, source, $"'bias' is '{text}'; expected is one of {known}"));
        }

        return matches.FirstOrDefault();
    }

    private static string NameOf(LoraBias bias) => bias switch
    {
        LoraBias.All => "all",
        LoraBias.LoraOnly => "lora_only",
        _ => "none",
    };

    private static string? TextOrNull(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;

    /// <summary>PEFT takes one value for a list of one, and an empty text for an empty list.</summary>
    private static JsonNode? ListOf(JsonNode? node) => EmptyAsList(node) is JsonValue value ? new JsonArray(value) : EmptyAsList(node);

    private static JsonNode? EmptyAsList(JsonNode? node) => TextOrNull(node) is "" ? new JsonArray() : node;

    private static JsonArray? Set(string[]? entries) => List(entries?.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

    private static JsonArray? List<T>(IEnumerable<T>? items) => items is null ? null : [.. items.Select(item => (JsonNode?)JsonValue.Create(item))];

    private static JsonObject PatternValues(LoraPatternValue[]? entries)
    {
        JsonObject pairs = [];
        foreach (LoraPatternValue entry in entries ?? [])
        {
            // Of equal patterns the first decides, and a JSON object has room for one.
            pairs.TryAdd(entry.Pattern, PythonJson.IntegerOrFloat(entry.Value));
        }

        return pairs;
    }
}
