using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Single trained tokens and tied weights against PEFT's runs on a small Llama: logits, gradients, the file, and the merged model.</summary>
public sealed class TokenLayerTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly TemporaryFolder files = new();

    public void Dispose()
    {
        scope.Dispose();
        files.Dispose();
    }

    public static TheoryData<string> Tokens => ["tied_list", "tied_dict_same", "tied_dict_different", "untied_list", "untied_dict"];

    public static TheoryData<string> All => [.. Tokens, "tied_lora_embed_ensure", "tied_modules_to_save_ensure"];

    [Theory]
    [MemberData(nameof(All))]
    public void Logits_loss_and_gradients_are_those_of_PEFT(string name)
    {
        (string folder, GoldenTensors data, JsonElement run) = Case(name);
        JsonElement tolerance = run.GetProperty("suggested_tolerance");
        using CausalLanguageModel model = Load(folder);
        using AttachedLora adapter = Attach(model, folder);
        Tensor ids = data["input_ids"];

        Tensor logits = model.call(ids);
        Tensor loss = nn.functional.cross_entropy(logits[TensorIndex.Colon, TensorIndex.Slice(0, -1)].flatten(0, 1), ids[TensorIndex.Colon, TensorIndex.Slice(1)].flatten());
        loss.backward();
        adapter.GatherGradients();

        double largest = tolerance.GetProperty("logits_abs").GetDouble();
        Assert.True(Closeness.Largest(logits, data["logits"]) <= largest);
        Assert.Equal(run.GetProperty("loss").GetDouble(), loss.ToDouble(), tolerance.GetProperty("loss_abs").GetDouble());
        foreach ((Parameter parameter, TensorData tensor) in adapter.Parameters.Zip(adapter.ToAdapter().Tensors))
        {
            Tensor expected = Gradient(name, tensor.Name, data);
            Assert.True(Closeness.Largest(parameter.grad!, expected) <= tolerance.GetProperty("grad_rel_to_tensor_max").GetDouble() * expected.abs().max().ToDouble(), tensor.Name);
        }

        adapter.IsEnabled = false;
        Assert.True(Closeness.Largest(model.call(ids), data["adapter_off_logits"]) <= largest);
        adapter.IsEnabled = true;
        adapter.Merge();
        Assert.True(Closeness.Largest(model.call(ids), data["logits"]) <= largest);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_tensors_are_those_that_PEFT_saves_and_the_configuration_says_the_same(string name)
    {
        (string folder, _, JsonElement run) = Case(name);
        LoraAdapter stored = AdapterFolder.Load(folder);
        using CausalLanguageModel model = Load(folder);
        using AttachedLora attached = Attach(model, folder);

        LoraAdapter made = attached.ToAdapter();

        // PEFT adds the base's own weights to adapted embeddings; they are no part of the adapter.
        string[] expected = [.. run.GetProperty("saved").EnumerateObject().Where(entry => !entry.Name.Contains("base_layer", StringComparison.Ordinal)).Select(entry => $"{entry.Name} {entry.Value}").Order()];
        Assert.Equal(expected, made.Tensors.Select(tensor => $"{tensor.Name} [{string.Join(',', tensor.Shape)}]").Order());
        Assert.All(made.Tensors, tensor => Assert.True(tensor.AsMemory().Span.SequenceEqual(stored.Tensors.Single(other => other.Name == tensor.Name).AsMemory().Span), tensor.Name));
        JsonNode written = JsonNode.Parse(AdapterConfigJson.Write(made.Config))!;
        JsonNode golden = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")))!;
        Assert.All(["trainable_token_indices", "ensure_weight_tying"], key => Assert.True(JsonNode.DeepEquals(golden[key], written[key]), key));
    }

    [Theory]
    [MemberData(nameof(Tokens))]
    public void The_merged_file_has_the_very_rows(string name)
    {
        (string folder, GoldenTensors data, _) = Case(name);
        LoraAdapter adapter = AdapterFolder.Load(folder);
        string model = Model(folder);
        if (name == "tied_dict_different")
        {
            // PEFT writes both sets of rows into the one weight, which then computes something else.
            Assert.Equal(LoraError.MergeRefused, Assert.Throws<LoraException>(() => ModelMerge.Write(adapter, model, files.File("merged"))).Error);
        }

        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(adapter, model, files.File("merged"), new() { Untie = name == "tied_dict_different" }).Verification.Outcome);

        GoldenTensors merged = new(files.File("merged/model.safetensors"));
        using CausalLanguageModel loaded = Load(files.File("merged"));
        Assert.True(Closeness.Largest(loaded.call(data["input_ids"]), data["logits"]) <= 3e-5); // of weights that were summed
        foreach ((string module, string golden) in new[] { ("model.embed_tokens", "merged_embed_tokens"), ("lm_head", "merged_lm_head") })
        {
            if (name != "tied_dict_different" && merged.Names.Contains(module + ".weight"))
            {
                Assert.Equal(0, Closeness.Largest(merged[module + ".weight"], data[golden]));
            }
        }
    }

    [Fact]
    public void Untied_the_head_gets_the_rows_of_the_embedding_too()
    {
        (string folder, GoldenTensors data, _) = Case("tied_list");

        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(AdapterFolder.Load(folder), Model(folder), files.File("merged"), new() { Untie = true }).Verification.Outcome);

        GoldenTensors merged = new(files.File("merged/model.safetensors"));
        Assert.Equal(0, Closeness.Largest(merged["model.embed_tokens.weight"], data["merged_embed_tokens"]));
        Assert.Equal(0, Closeness.Largest(merged["lm_head.weight"], data["merged_embed_tokens"]));
    }

    [Fact]
    public void What_PEFT_refuses_is_refused_and_so_is_what_it_passes_over()
    {
        (string tied, _, _) = Case("tied_list");
        (string untied, _, _) = Case("untied_list");
        using JsonDocument errors = JsonDocument.Parse(File.ReadAllText(Repository.Shared("golden2", "trainable_tokens", "errors.json")));

        // What PEFT accepts: rows of a table that is trained whole, an id that counts from the end, and a tied table and head that are trained whole apart.
        string[] stricter = ["list_with_modules_to_save_embed", "negative_index"];
        int count = 0;
        foreach (JsonProperty item in errors.RootElement.GetProperty("cases").EnumerateObject())
        {
            JsonObject given = new() { ["peft_type"] = "LORA", ["r"] = 3, ["target_modules"] = new JsonArray("q_proj") };
            JsonElement config = item.Value.TryGetProperty("lora_config", out JsonElement stated) ? stated : item.Value;
            foreach (string key in new[] { "trainable_token_indices", "ensure_weight_tying", "modules_to_save", "target_modules" })
            {
                if (config.TryGetProperty(key, out JsonElement value))
                {
                    given[key] = JsonNode.Parse(value.GetRawText());
                }
            }

            string folder = item.Name.StartsWith("untied", StringComparison.Ordinal) ? untied : tied;
            using CausalLanguageModel model = Load(folder);
            string[]? keys = null;
            Exception? failure = Record.Exception(() =>
            {
                using AttachedLora attached = LoraModules.Attach(model, AdapterConfigJson.Parse(given.ToJsonString()));
                keys = [.. attached.ToAdapter().Tensors.Select(tensor => tensor.Name)];
            });

            bool isRefused = item.Value.GetProperty("raises").ValueKind == JsonValueKind.String || stricter.Contains(item.Name);
            Assert.True(isRefused == failure is LoraException, $"{item.Name}: {failure?.Message}");
            if (!isRefused)
            {
                // PEFT adds the base's own weights, and of an empty list a tensor without a row.
                IEnumerable<string> saved = item.Value.GetProperty("result").GetProperty("saved").EnumerateObject().Where(key => key.Value[0].GetInt32() > 0).Select(key => key.Name);
                Assert.Equal(saved.Where(key => !key.Contains("base_layer", StringComparison.Ordinal)).Order(), keys!.Order());
            }

            count++;
        }

        Assert.Equal(16, count);
    }

    [Fact]
    public void Only_the_rows_of_the_tokens_learn()
    {
        (string folder, GoldenTensors data, _) = Case("untied_list");
        using CausalLanguageModel model = Load(folder);
        using AttachedLora attached = LoraModules.Attach(model, new() { TargetModule = ["q_proj"], TrainableToken = [new() { Index = 5 }, new() { Index = 9 }] });
        Tensor before = model.call(data["input_ids"]);
        Assert.True(Closeness.Largest(before, data["adapter_off_logits"]) <= 1e-5);
        using optim.Optimizer optimizer = optim.SGD(attached.Parameters, 1);
        Tensor ids = tensor(new long[] { 1, 5, 9, 5, 7 }).unsqueeze(0);
        List<double> losses = [];
        for (int step = 0; step < 5; step++)
        {
            attached.Parameters.ToList().ForEach(parameter => parameter.grad!.zero_());
            Tensor loss = nn.functional.cross_entropy(model.call(ids)[0, TensorIndex.Slice(0, -1)], ids[0, TensorIndex.Slice(1)]);
            loss.backward();
            optimizer.step();
            losses.Add(loss.ToDouble());
        }

        TensorData rows = attached.ToAdapter().Tensors.Single(tensor => tensor.Name.EndsWith(TokenLayer.Key, StringComparison.Ordinal));
        Assert.Equal("base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta", rows.Name);
        Tensor own = new GoldenTensors(Path.Combine(folder, "model.safetensors"))["model.embed_tokens.weight"];
        Assert.All(new[] { (0, 5), (1, 9) }, pair => Assert.NotEqual(0, Closeness.Largest(AdapterTensors.Read(rows)[pair.Item1], own[pair.Item2])));
        Assert.True(losses[^1] < losses[0]);
        Assert.Equal(2, AdapterInspector.Describe(attached.ToAdapter()).TokenCount);
    }

    private static CausalLanguageModel Load(string folder) => ModelLoader.Load(folder, CPU, ScalarType.Float32);

    private static AttachedLora Attach(CausalLanguageModel model, string folder) => LoraModules.Load(model, FittedAdapter.Of(AdapterFolder.Load(folder), folder, resizes: false).Adapter);

    /// <summary>PEFT has separate gradients for the two names of shared factors; here they are one tensor, whose gradient is their sum.</summary>
    private static Tensor Gradient(string name, string key, GoldenTensors data) => (name, key) switch
    {
        ("tied_lora_embed_ensure", "base_model.model.model.embed_tokens.lora_embedding_A") => data["grad/" + key].Plus(data["grad/base_model.model.lm_head.lora_B.weight"].t()),
        ("tied_lora_embed_ensure", "base_model.model.model.embed_tokens.lora_embedding_B") => data["grad/" + key].Plus(data["grad/base_model.model.lm_head.lora_A.weight"].t()),
        ("tied_modules_to_save_ensure", "base_model.model.model.embed_tokens.weight") => data["grad/base_model.model.model.embed_tokens.modules_to_save.weight"],
        _ => data["grad/" + key],
    };

    private static (string Folder, GoldenTensors Data, JsonElement Run) Case(string name)
    {
        string folder = Repository.Shared("golden2", "trainable_tokens", name);
        return (folder, new(Path.Combine(folder, "data.safetensors")), JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(folder, "run.json"))));
    }

    /// <summary>The model of a case's folder, which has its adapter beside it.</summary>
    private string Model(string golden)
    {
        string model = Directory.CreateDirectory(files.File("model")).FullName;
        File.Copy(Path.Combine(golden, "model.safetensors"), Path.Combine(model, "model.safetensors"));
        File.Copy(Path.Combine(golden, "config.json"), Path.Combine(model, "config.json"));
        return model;
    }
}
