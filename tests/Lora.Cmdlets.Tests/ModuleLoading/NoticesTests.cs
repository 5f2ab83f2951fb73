using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Lora.Commands.Tests.ModuleLoading;

public sealed class NoticesTests
{
    private readonly string[] notices = File.ReadAllLines(Path.Combine(Repository.Root, "THIRD-PARTY-NOTICES.txt"));

    [Fact]
    public void Every_package_that_the_solution_may_use_is_named_with_its_licence()
    {
        XDocument packages = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"));

        Assert.All(packages.Descendants("PackageVersion").Select(package => package.Attribute("Include")!.Value), AssertNamed);
    }

    [Fact]
    public void The_packages_of_the_tokenizer_oracle_are_named_too()
    {
        using JsonDocument oracle = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "tokenizer-oracle", "package.json")));

        Assert.All(oracle.RootElement.GetProperty("dependencies").EnumerateObject().Select(package => package.Name), AssertNamed);
    }

    [Fact]
    public void Third_party_assemblies_of_the_module_are_named_as_parts_of_the_package()
    {
        string shipped = string.Join('\n', notices.TakeWhile(line => !line.StartsWith("2. ", StringComparison.Ordinal)));

        Assert.All(
            Directory.GetFiles(Repository.Bin("deps"), "*.dll").Select(file => Path.GetFileNameWithoutExtension(file)),
            name => Assert.Contains(name, shipped, StringComparison.Ordinal));
    }

    [Fact]
    public void The_terms_of_libtorch_lie_beside_it() =>
        Assert.Contains("PyTorch", File.ReadAllText(Repository.Bin("deps", "LICENSE-LIBTORCH.txt")), StringComparison.Ordinal);

    private void AssertNamed(string package) => Assert.Single(notices, line => Regex.IsMatch(line, $@"^{Regex.Escape(package)} +\S"));
}
